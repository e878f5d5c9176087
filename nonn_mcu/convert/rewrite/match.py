"""Small questions about an onnx_graphsurgeon graph that several rules ask."""

from __future__ import annotations

from typing import Any

import numpy as np


def constant(tensor: Any) -> np.ndarray | None:
    """Give the value of a constant tensor, or None when it is computed or absent."""
    import onnx_graphsurgeon as gs

    if isinstance(tensor, gs.Constant):
        return np.asarray(tensor.values)
    producer = tensor.inputs[0] if len(tensor.inputs) == 1 else None
    if producer is not None and producer.op == "Constant" and "value" in producer.attrs:
        return np.asarray(producer.attrs["value"].values)
    return None


def static_shape(tensor: Any) -> tuple[int, ...] | None:
    """Give the shape of a tensor when all its sizes are known numbers."""
    if tensor.shape is None or not all(isinstance(extent, int) and extent >= 0 for extent in tensor.shape):
        return None
    return tuple(tensor.shape)


def producer(graph: Any, tensor: Any) -> Any | None:
    """Find the node that computes ``tensor`` when nothing but one other node sees the value; else None."""
    if len(tensor.inputs) != 1 or len(tensor.outputs) != 1 or any(tensor is out for out in graph.outputs):
        return None
    return tensor.inputs[0]


def replace(graph: Any, old: Any, node: Any) -> None:
    """Put ``node``, which has no outputs yet, in the place of ``old``: it takes over old's first output."""
    output = old.outputs[0]
    old.outputs.clear()
    node.outputs = [output]
    graph.nodes[graph.nodes.index(old)] = node
