"""x[:, :, ::s, ::s] becomes a max pooling with a window of one pixel.

It copies the same values, which int8 does without any rounding: input and output of a pooling share
their scale. One operator takes the place of two slices; a 1x1 convolution with identity weights would
round, and cost C * C products a pixel.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from nonn_mcu.convert.rewrite.match import constant, producer, replace, static_shape


def subsample(graph: Any) -> None:
    """Rewrite slices that start at 0 and step over whole spatial axes, then join neighbours."""
    import onnx_graphsurgeon as gs

    graph.toposort()
    for node in list(graph.nodes):
        strides = _strides(node)
        if strides is None:
            continue
        source = node.inputs[0]
        before = producer(graph, source)
        if before is not None and _is_subsampling(before):
            strides = [a * b for a, b in zip(strides, before.attrs["strides"], strict=True)]
            source = before.inputs[0]
        attrs = {"kernel_shape": [1, 1], "strides": strides, "pads": [0, 0, 0, 0]}
        replace(graph, node, gs.Node("MaxPool", node.name, attrs, [source]))


def _is_subsampling(node: Any) -> bool:
    return node.op == "MaxPool" and all(extent == 1 for extent in node.attrs["kernel_shape"])


def _strides(node: Any) -> list[int] | None:
    """Give the steps along (H, W) when ``node`` is such a slice of an (N, C, H, W) tensor."""
    shape = static_shape(node.inputs[0]) if node.op == "Slice" else None
    if shape is None or len(shape) != 4 or len(node.inputs) < 5:
        return None
    bounds = [value for value in map(constant, node.inputs[1:5]) if value is not None]
    if len(bounds) != 4:
        return None
    strides = [1, 1, 1, 1]
    for start, end, axis, step in zip(*(np.atleast_1d(value).tolist() for value in bounds), strict=True):
        if start != 0 or end < shape[axis] or step < 1:
            return None
        strides[axis] = step
    return strides[2:] if strides[:2] == [1, 1] else None
