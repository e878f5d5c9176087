"""An ONNX graph becomes a TensorFlow network, by onnx2tf, kept in memory and saved as a SavedModel."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nonn_mcu.convert.quiet import ToolError, call
from nonn_mcu.errors import BadInput, MissingExtra
from nonn_mcu.students.student import first_line


@dataclass(frozen=True, eq=False)
class Network:
    """A float TensorFlow network and where it came from.

    ``run`` takes a float32 array of ``input_shape`` (batch 1 included) and returns its outputs in order;
    the SavedModel's signature calls them ``output_0``, ``output_1``, .... ``sources`` tells for the name
    of each Keras layer the ONNX node that it stands for.
    """

    input_shape: tuple[int, ...]
    run: Callable[[np.ndarray], list[np.ndarray]]
    sources: Mapping[str, str]


def load_tools() -> None:
    """Import TensorFlow and onnx2tf; what they say while loading depends on the machine and is dropped.

    Raises :class:`~nonn_mcu.errors.MissingExtra`.
    """
    try:
        call(_import)
    except ToolError as error:
        raise MissingExtra(
            f"conversion needs TensorFlow, onnx2tf and onnxruntime ({first_line(error.__cause__ or error)}); "
            "install them with: pip install 'nonn-mcu[convert]'"
        ) from None


def _import() -> None:
    import onnx2tf.onnx2tf  # noqa: F401
    import onnxruntime  # noqa: F401


def build(model: Any, folder: Path) -> tuple[Network, str]:
    """Build the network of ``model`` (an ``onnx.ModelProto``) and save it at ``folder``.

    Returns it and the tools' log. Never reads the network; no mean, standard deviation or sample of
    onnx2tf's own enters. Raises :class:`BadInput` naming the ONNX node where it gives up.
    """
    try:
        return call(lambda: _build(model, folder), str(folder))
    except ToolError as error:
        raise BadInput(_explain(model, error)) from error


def _build(model: Any, folder: Path) -> Network:
    import onnx2tf.onnx2tf as tool
    import tensorflow as tf
    import tf_keras

    tf_keras.backend.clear_session()  # names of layers count from zero, whatever ran before
    layers: dict[str, Any] = {}
    outputs_of = tool.get_tf_model_outputs

    def keep(*, tf_layers_dict: dict[str, Any], **rest: Any) -> Any:
        layers.update(tf_layers_dict)
        return outputs_of(tf_layers_dict=tf_layers_dict, **rest)

    downloaded = tool.download_test_image_data
    tool.download_test_image_data = _sample_images
    tool.get_tf_model_outputs = keep
    try:
        keras = tool.convert(
            onnx_graph=model,
            output_folder_path=str(folder),
            not_use_onnxsim=True,
            not_use_opname_auto_generate=True,
            disable_model_save=True,
            output_signaturedefs=True,
            batch_size=1,
            verbosity="debug",
        )
    finally:
        tool.download_test_image_data = downloaded
        tool.get_tf_model_outputs = outputs_of

    shape = tuple(int(extent) for extent in keras.inputs[0].shape)

    @tf.function(input_signature=[tf.TensorSpec(shape, tf.float32, name="input")])
    def forward(input: Any) -> dict[str, Any]:
        return {f"output_{i}": value for i, value in enumerate(tf.nest.flatten(keras(input)))}

    holder = tf.Module()
    holder.network, holder.forward = keras, forward
    tf.saved_model.save(holder, str(folder), signatures={"serving_default": forward})

    def run(x: np.ndarray) -> list[np.ndarray]:
        result = forward(tf.constant(x))
        return [result[f"output_{i}"].numpy() for i in range(len(result))]

    makers = {name: node.name for node in model.graph.node for name in node.output}
    return Network(shape, run, _sources(layers, makers))


def _sample_images() -> np.ndarray:
    """Stand in for what onnx2tf would download: (20, 128, 128, 3) in 0..1, to compare layouts with."""
    return np.random.default_rng(0).random((20, 128, 128, 3), dtype=np.float32)


def _sources(layers: Mapping[str, Any], makers: Mapping[str, str]) -> dict[str, str]:
    """Keras layer -> ONNX node; layers that onnx2tf puts in (a padding) belong to the node they feed."""
    tensors = {_plain(name): node for name, node in makers.items()}
    found: dict[str, str] = {}
    for name, entry in layers.items():
        tensor = entry.get("tf_node")
        node = tensors.get(_plain(name))
        if node is None or not hasattr(tensor, "node"):
            continue
        found.setdefault(tensor.node.layer.name, node)
    for name, entry in layers.items():
        tensor, node = entry.get("tf_node"), tensors.get(_plain(name))
        if node is not None and hasattr(tensor, "node"):
            _claim(tensor.node, node, found)
    return found


def _claim(keras_node: Any, node: str, found: dict[str, str]) -> None:
    for parent in keras_node.parent_nodes:
        layer = parent.layer.name
        if layer not in found and parent.parent_nodes:
            found[layer] = node
            _claim(parent, node, found)


def _plain(name: str) -> str:
    # onnx2tf renames tensors: SavedModel allows neither a colon nor a leading slash
    name = name.replace(":", "__")
    return "wa/" + name[1:] if name.startswith("/") else name


def _explain(model: Any, error: ToolError) -> str:
    cause = error.__cause__
    name = str(getattr(cause, "onnx_op_name", None) or "")
    node = next((n for n in model.graph.node if n.name and _plain(n.name) == _plain(name)), None)
    what = f"layer {node.name!r} ({node.op_type})" if node is not None else "the network"
    return f"{what} cannot be converted to TensorFlow Lite: {first_line(cause or error)}"
