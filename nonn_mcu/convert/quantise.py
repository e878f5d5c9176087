"""A SavedModel becomes a full-int8 ``.tflite``, calibrated with our own samples and nothing else.

Beside it comes the float32 ``.tflite`` of the same network, whose operators are those of the int8 one before
they were quantised: what an activation should have been.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.convert.quiet import ToolError, call
from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import first_line


def quantise(folder: Path, samples: np.ndarray, sources: Mapping[str, str]) -> tuple[bytes, bytes, str]:
    """Convert the SavedModel at ``folder``; returns the int8 model, the float one and the tools' log.

    ``sources`` tells for each Keras layer the ONNX node it stands for, for messages.
    ``samples`` is float32 ``(N, ...)``, preprocessed, in the device's layout: post-training quantisation
    with the range of every activation over these samples, weights per channel, int8 in and out
    (B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", CVPR 2018, as TensorFlow Lite does it). Raises :class:`BadInput`.
    """
    try:
        (model, exact), log = call(lambda: (_convert(folder, samples), _as_float(folder)), str(folder))
    except ToolError as error:
        raise BadInput(_explain(error, sources)) from error
    return model, exact, log


def _convert(folder: Path, samples: np.ndarray) -> bytes:
    import tensorflow as tf

    def representative() -> Iterator[list[Any]]:
        for sample in samples:
            yield [sample[None]]

    converter = tf.lite.TFLiteConverter.from_saved_model(str(folder))
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = converter.inference_output_type = tf.int8
    return bytes(converter.convert())


def _as_float(folder: Path) -> bytes:
    import tensorflow as tf

    return bytes(tf.lite.TFLiteConverter.from_saved_model(str(folder)).convert())


def require_int8(graph: Graph) -> None:
    """Raise :class:`BadInput` naming the first operator with a tensor that is neither int8 nor int32.

    A constant, such as a count of repetitions, may also be int64.
    """
    if not graph.ops:
        raise BadInput("the network does nothing to its input; there is nothing to run on a device")
    for op in graph.ops:
        if op.kind in ("QUANTIZE", "DEQUANTIZE"):
            continue  # they stand around the operator that is to blame
        found = [graph.tensors[index] for index in (*op.inputs, *op.outputs) if index >= 0]
        odd = [one for one in found if one.dtype not in ("int8", "int32")]
        wrong = next((one.dtype for one in odd if one.dtype != "int64" or one.data is None), None)
        if wrong is not None:
            name = graph.tensors[op.outputs[0]].name
            raise BadInput(
                f"layer {op.index} {name!r} ({op.kind}) stays {wrong} after quantisation: "
                "it has no int8 form; replace it in the network"
            )
    for index in (*graph.inputs, *graph.outputs):
        tensor = graph.tensors[index]
        if tensor.dtype != "int8":
            raise BadInput(f"{tensor.name!r} is {tensor.dtype} after quantisation, not int8")


def _explain(error: ToolError, sources: Mapping[str, str]) -> str:
    """Name the operators, and the ONNX nodes they come from, that TensorFlow Lite says it does not have."""
    text = str(error.__cause__ or error)
    kinds = sorted(set(re.findall(r"'tf\.(\w+)' op is neither", text)))
    if not kinds:
        return f"TensorFlow Lite cannot quantise the network: {first_line(error.__cause__ or error)}"
    layers = re.findall(r'"\w+/([^/"@]+)/[^"]*@', text)
    nodes = sorted({sources[layer] for layer in layers if layer in sources})
    where = f"layer {', '.join(map(repr, nodes[:3]))}: " if nodes else ""
    return (
        f"{where}operator {', '.join(kinds)} has no int8 form in TensorFlow Lite; replace it in the network"
    )
