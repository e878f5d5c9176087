"""Flatten + Gemm (or MatMul) over a whole map becomes a Conv over that map, then a Flatten.

The order in which a map is flattened depends on its layout: channels first in PyTorch, last on the
device. As a convolution the layer needs no transposition.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, producer, replace, static_shape


def flatten_gemm(graph: Any) -> None:
    """Rewrite where both the channels and the map are larger than 1; otherwise the orders are the same."""
    import onnx_graphsurgeon as gs

    for node in list(graph.nodes):
        flatten = producer(graph, node.inputs[0]) if node.op in ("Gemm", "MatMul") else None
        if flatten is None or flatten.op not in ("Flatten", "Reshape", "Squeeze"):
            continue
        shape = static_shape(flatten.inputs[0])
        if shape is None or len(shape) != 4 or shape[0] != 1 or shape[1] == 1 or shape[2] * shape[3] == 1:
            continue
        weight = constant(node.inputs[1])
        bias = constant(node.inputs[2]) if len(node.inputs) > 2 else None
        if weight is None or weight.ndim != 2 or static_shape(flatten.outputs[0]) != (1, int(np.prod(shape))):
            continue
        if (len(node.inputs) > 2 and bias is None) or not _plain(node):
            continue
        weight = weight if node.attrs.get("transB", 0) else weight.T
        outputs = len(weight)
        kernel = np.ascontiguousarray(weight.reshape(outputs, *shape[1:]), np.float32)
        offset = np.zeros(outputs) if bias is None else np.broadcast_to(bias.reshape(-1), outputs)
        inputs = [
            flatten.inputs[0],
            gs.Constant(node.name + "_weight", kernel),
            gs.Constant(node.name + "_bias", np.ascontiguousarray(offset, np.float32)),
        ]
        attrs = {
            "kernel_shape": list(shape[2:]),
            "strides": [1, 1],
            "dilations": [1, 1],
            "pads": [0, 0, 0, 0],
            "group": 1,
        }
        pixel = gs.Variable(node.outputs[0].name + "_map", np.float32, [1, outputs, 1, 1])
        graph.nodes.append(gs.Node("Conv", node.name, attrs, inputs, [pixel]))
        replace(graph, node, gs.Node("Flatten", node.name + "_flatten", {"axis": 1}, [pixel]))


def _plain(node: Any) -> bool:
    return all(
        node.attrs.get(key, default) == default
        for key, default in (("alpha", 1.0), ("beta", 1.0), ("transA", 0))
    )
