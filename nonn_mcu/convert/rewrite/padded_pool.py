"""Padding of a MaxPool, made so that it survives quantisation.

ONNX pads with minus infinity; onnx2tf writes that as a constant of -3.4e38, and the range of the padded
tensor takes every level that int8 has. Where nothing is negative, padding with 0 is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, producer, replace, static_shape
from nonn_mcu.errors import BadInput

_NEVER_NEGATIVE = ("Relu", "Sigmoid", "Softmax", "HardSigmoid")
_KEEPS_SIGN = ("MaxPool", "AveragePool", "GlobalAveragePool", "Identity", "Reshape", "Flatten", "Transpose")


def padded_pool(graph: Any) -> None:
    """Pad with 0 ahead of the pooling; MaxPool before Relu becomes Relu before MaxPool, which is the same.

    Leaves padding that TensorFlow's SAME expresses, as it needs no values. Raises :class:`BadInput` where
    the input can be negative.
    """
    import onnx_graphsurgeon as gs

    for node in list(graph.nodes):
        if node.op != "MaxPool" or len(node.outputs) != 1 or not any(node.attrs.get("pads", ())):
            continue
        shape = static_shape(node.inputs[0])
        if shape is None or len(shape) != 4 or node.attrs.get("ceil_mode", 0) or _is_same(node, shape[2:]):
            continue
        readers = list(node.outputs[0].outputs)
        if not _never_negative(node.inputs[0]):
            if len(readers) != 1 or readers[0].op != "Relu" or producer(graph, node.outputs[0]) is None:
                raise BadInput(
                    f"layer {node.name!r}: MaxPool pads a map that can be negative, which int8 cannot "
                    "express; put a ReLU before it, or pool without padding"
                )
            _swap(graph, node, readers[0])
        top, left, bottom, right = node.attrs["pads"]
        padded_shape = [*shape[:2], shape[2] + top + bottom, shape[3] + left + right]
        padded = gs.Variable(node.outputs[0].name + "_padded", np.float32, padded_shape)
        amounts = gs.Constant(node.name + "_pads", np.array([0, 0, top, left, 0, 0, bottom, right], np.int64))
        zero = gs.Constant(node.name + "_zero", np.zeros((), np.float32))
        inputs = [node.inputs[0], amounts, zero]
        graph.nodes.append(gs.Node("Pad", node.name + "_pad", {"mode": "constant"}, inputs, [padded]))
        node.inputs[0] = padded
        node.attrs["pads"] = [0, 0, 0, 0]


def _is_same(node: Any, size: tuple[int, ...]) -> bool:
    """Tell whether TensorFlow's SAME puts the same padding in the same places."""
    kernel, rank = node.attrs["kernel_shape"], len(size)
    strides = node.attrs.get("strides", [1] * rank)
    dilations = node.attrs.get("dilations", [1] * rank)
    pads = node.attrs["pads"]
    for axis, extent in enumerate(size):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = max((-(-extent // strides[axis]) - 1) * strides[axis] + reach - extent, 0)
        if (pads[axis], pads[axis + rank]) != (total // 2, total - total // 2):
            return False
    return True


def _never_negative(tensor: Any) -> bool:
    if len(tensor.inputs) != 1:
        return False
    node = tensor.inputs[0]
    if node.op == "Clip":
        low = constant(node.inputs[1]) if len(node.inputs) > 1 else np.float32(node.attrs.get("min", -1))
        return low is not None and float(low) >= 0
    if node.op in _KEEPS_SIGN:
        return _never_negative(node.inputs[0])
    return node.op in _NEVER_NEGATIVE or (
        node.op == "Concat" and all(_never_negative(source) for source in node.inputs)
    )


def _swap(graph: Any, pool: Any, relu: Any) -> None:
    import onnx_graphsurgeon as gs

    source, pooled = pool.inputs[0], pool.outputs[0]
    active = gs.Variable(pooled.name + "_active", np.float32, source.shape)
    pool.outputs.clear()
    graph.nodes.append(gs.Node("Relu", relu.name, {}, [source], [active]))
    pool.inputs[0] = active
    relu.inputs.clear()
    replace(graph, relu, gs.Node("Identity", relu.name + "_moved", {}, [pooled]))
    pool.outputs = [pooled]
