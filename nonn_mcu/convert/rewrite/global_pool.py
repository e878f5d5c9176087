"""The mean over a whole map, however it was written, becomes GlobalAveragePool, which converts to MEAN.

As an AVERAGE_POOL_2D it would have to keep the scale of its input, whose range is that of single pixels;
the mean's own range is much narrower (WRN16-1: 2 dB better at the output, one operator either way).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, replace, static_shape


def global_pool(graph: Any) -> None:
    """Rewrite AveragePool with the map as its window, and ReduceMean over H and W of (N, C, H, W)."""
    import onnx_graphsurgeon as gs

    for node in list(graph.nodes):
        shape = static_shape(node.inputs[0]) if node.inputs else None
        if shape is None or len(shape) != 4:
            continue
        if _averages_the_map(node, shape):
            replace(graph, node, gs.Node("GlobalAveragePool", node.name, {}, [node.inputs[0]]))
        elif node.op == "ReduceMean" and _axes(node) == [2, 3]:
            pixel = gs.Variable(node.outputs[0].name + "_map", np.float32, [*shape[:2], 1, 1])
            graph.nodes.append(gs.Node("GlobalAveragePool", node.name, {}, [node.inputs[0]], [pixel]))
            target = shape[:2] + (1, 1) * node.attrs.get("keepdims", 1)
            new_shape = gs.Constant(node.name + "_shape", np.array(target, np.int64))
            replace(graph, node, gs.Node("Reshape", node.name + "_reshape", {}, [pixel, new_shape]))


def _averages_the_map(node: Any, shape: tuple[int, ...]) -> bool:
    return (
        node.op == "AveragePool"
        and tuple(node.attrs["kernel_shape"]) == shape[2:]
        and not any(node.attrs.get("pads", ()))
        and node.attrs.get("auto_pad", "NOTSET") in ("NOTSET", "VALID")
    )


def _axes(node: Any) -> list[int]:
    axes = node.attrs.get("axes")
    if axes is None and len(node.inputs) > 1:
        axes = constant(node.inputs[1])
    return [] if axes is None else sorted(int(axis) % 4 for axis in np.atleast_1d(axes))
