"""A SavedModel becomes a full-int8 ``.tflite``, calibrated with our own samples and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.convert.quiet import ToolError, call
from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import first_line


def quantise(folder: Path, samples: np.ndarray) -> tuple[bytes, str]:
    """Convert the SavedModel at ``folder``; returns the model and the tools' log.

    ``samples`` is float32 ``(N, ...)``, preprocessed, in the device's layout: post-training quantisation
    with the range of every activation over these samples, weights per channel, int8 in and out
    (B. Jacob et al., "Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-Only
    Inference", CVPR 2018, as TensorFlow Lite does it). Raises :class:`BadInput`.
    """
    try:
        return call(lambda: _convert(folder, samples), str(folder))
    except ToolError as error:
        raise BadInput(_explain(error)) from None


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


def require_int8(graph: Graph) -> None:
    """Raise :class:`BadInput` naming the first operator with a tensor that is neither int8 nor int32."""
    for op in graph.ops:
        for index in (*op.inputs, *op.outputs):
            if index >= 0 and graph.tensors[index].dtype not in ("int8", "int32"):
                tensor = graph.tensors[index]
                raise BadInput(
                    f"layer {op.index} {tensor.name!r} ({op.kind}) is {tensor.dtype} after quantisation; "
                    "this operator has no int8 form, replace it in the network"
                )
    for index in (*graph.inputs, *graph.outputs):
        if graph.tensors[index].dtype != "int8":
            raise BadInput(f"{graph.tensors[index].name!r} is {graph.tensors[index].dtype}, not int8")


def _explain(error: ToolError) -> str:
    text = str(error.__cause__ or error)
    needed = re.search(r"(?:Flex ops|Custom ops|Select TF ops): *([^\n]+)", text)
    if needed:
        names = ", ".join(sorted({name.strip() for name in needed.group(1).split(",")}))
        return f"operators {names} have no int8 form in TensorFlow Lite; replace them in the network"
    return f"TensorFlow Lite cannot quantise the network: {first_line(error.__cause__ or error)}"
