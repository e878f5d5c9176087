"""BatchNormalization becomes part of the convolution before it, or a convolution of its own.

In inference y = g * (x - m) / sqrt(v + eps) + b is affine per channel: y = s * x + t.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, producer, replace, static_shape


def fold_batch_norm(graph: Any) -> None:
    """Fold s and t into a Conv or Gemm whose only reader is the BatchNormalization."""
    import onnx_graphsurgeon as gs

    for node in list(graph.nodes):
        affine = _affine(node)
        before = producer(graph, node.inputs[0]) if affine is not None else None
        if affine is None or before is None or before.op not in ("Conv", "Gemm"):
            continue
        scale, shift = affine
        weight = constant(before.inputs[1])
        bias = constant(before.inputs[2]) if len(before.inputs) > 2 else np.zeros(len(scale), np.float32)
        if weight is None or bias is None or not _plain(before):
            continue
        axis = 0 if before.op == "Conv" or before.attrs.get("transB", 0) else 1
        if weight.shape[axis] != len(scale):
            continue
        shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
        weight = weight.astype(np.float64) * scale.reshape(shape)
        inputs = _inputs(before.name, before.inputs[0], weight, bias.reshape(-1) * scale + shift)
        before.outputs.clear()
        replace(graph, node, gs.Node(before.op, before.name, dict(before.attrs), inputs))


def leftover_batch_norm(graph: Any) -> None:
    """Turn every other BatchNormalization over a map into a 1x1 depthwise Conv, which can carry a ReLU.

    A pre-activation network has one after each residual addition. Over vectors (rank 2) it becomes a
    multiplication and an addition.
    """
    import onnx_graphsurgeon as gs

    for node in list(graph.nodes):
        affine = _affine(node)
        if affine is None:
            continue
        scale, shift = affine
        rank = len(node.inputs[0].shape or ())
        if rank > 2:
            kernel = (1,) * (rank - 2)
            attrs = {
                "group": len(scale),
                "kernel_shape": list(kernel),
                "strides": list(kernel),
                "dilations": list(kernel),
                "pads": [0] * (2 * len(kernel)),
            }
            name = node.name.replace("BatchNormalization", "Conv")
            inputs = _inputs(name, node.inputs[0], scale.reshape(-1, 1, *kernel), shift)
            replace(graph, node, gs.Node("Conv", name, attrs, inputs))
        elif rank == 2:
            product = gs.Variable(node.outputs[0].name + "_product", np.float32, node.outputs[0].shape)
            factor = gs.Constant(node.name + "_scale", scale.astype(np.float32).reshape(1, -1))
            offset = gs.Constant(node.name + "_shift", shift.astype(np.float32).reshape(1, -1))
            graph.nodes.append(gs.Node("Mul", node.name + "_scale", {}, [node.inputs[0], factor], [product]))
            replace(graph, node, gs.Node("Add", node.name, {}, [product, offset]))


def _affine(node: Any) -> tuple[np.ndarray, np.ndarray] | None:
    """Give s and t in float64, or None when this is no BatchNormalization in inference."""
    if node.op != "BatchNormalization" or node.attrs.get("training_mode", 0) or len(node.outputs) != 1:
        return None
    parameters = [constant(tensor) for tensor in node.inputs[1:5]]
    if any(value is None for value in parameters) or static_shape(node.inputs[0]) is None:
        return None
    gamma, beta, mean, variance = (np.asarray(value, np.float64) for value in parameters)
    scale = gamma / np.sqrt(variance + node.attrs.get("epsilon", 1e-5))
    return scale, beta - mean * scale


def _plain(node: Any) -> bool:
    return node.op == "Conv" or all(
        node.attrs.get(key, default) == default
        for key, default in (("alpha", 1.0), ("beta", 1.0), ("transA", 0))
    )


def _inputs(name: str, source: Any, weight: np.ndarray, bias: np.ndarray) -> list[Any]:
    import onnx_graphsurgeon as gs

    return [
        source,
        gs.Constant(name + "_weight", np.ascontiguousarray(weight, np.float32)),
        gs.Constant(name + "_bias", np.ascontiguousarray(bias, np.float32)),
    ]
