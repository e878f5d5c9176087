"""Which channels of which activations may only be scaled together.

Halving a channel of one activation goes unnoticed when whoever computes it has weights that can be halved,
whoever reads it has weights that can be doubled, and everyone between is linear in it. An addition ties its
operands channel by channel, so that the whole residual stream of a stage is one set of channels; a
convolution ties nothing. Channels that nobody can scale are one set of their own: those of inputs and
outputs, and of what an operator not known here touches.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.convert.ptq.moves import MOVES, constant
from nonn_mcu.convert.ptq.ties import Union

# Node 0 stands for everything whose scale is given.
FIXED = 0

_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


def tied_channels(graph: Graph, layers: Mapping[int, bool]) -> dict[int, np.ndarray]:
    """Give for each activation, by index, the set that each of its channels belongs to: int64 ``(C,)``.

    Sets are known by numbers; channels of :data:`FIXED` cannot be scaled. ``layers`` are the operators, by
    index, whose weights can be: True where they cannot after all.
    """
    nodes = _number(graph)
    union = Union[int]()
    union.root(FIXED)
    for index in (*graph.inputs, *graph.outputs):
        _fix(union, nodes, [index])
    for op in graph.ops:
        moving = [i for i in (*op.inputs, *op.outputs) if i in nodes]
        if op.kind in _WEIGHTED and layers.get(op.index) is False and _straight(op):
            _tie_weighted(graph, op, nodes, union)
        elif not _tie(graph, op, nodes, union):
            _fix(union, nodes, moving)
    fixed = union.root(FIXED)
    return {
        index: np.array([FIXED if union.root(int(n)) == fixed else union.root(int(n)) for n in of])
        for index, of in nodes.items()
    }


def _number(graph: Graph) -> dict[int, np.ndarray]:
    nodes, count = {}, FIXED + 1
    for index in (*graph.inputs, *(i for op in graph.ops for i in op.outputs)):
        tensor = graph.tensors[index]
        width = tensor.shape[-1] if tensor.shape else 1
        nodes[index] = np.arange(count, count + width)
        count += width
    return nodes


def _straight(op: Op) -> bool:
    """Say whether the activation behind an operator lets a positive factor through."""
    return op.options.get("fused_activation", "NONE") in ("NONE", "RELU")


def _fix(union: Union[int], nodes: Mapping[int, np.ndarray], indices: Sequence[int]) -> None:
    for index in indices:
        for node in nodes[index]:
            union.merge(FIXED, int(node))


def _tie_weighted(graph: Graph, op: Op, nodes: Mapping[int, np.ndarray], union: Union[int]) -> None:
    """Let a layer part its input's channels from its output's, where every weight has one of either."""
    if op.kind != "FULLY_CONNECTED":
        return
    width, depth = len(nodes[op.inputs[0]]), graph.tensors[op.inputs[1]].shape[1]
    if depth % width:  # rows that do not begin with the first channel
        _fix(union, nodes, [op.inputs[0]])


def _tie(graph: Graph, op: Op, nodes: Mapping[int, np.ndarray], union: Union[int]) -> bool:
    """Merge what an operator ties; False for one that is not linear, or not known."""
    data = [index for index in op.inputs if index in nodes]
    constants = [i for i in op.inputs if i >= 0 and i not in nodes and graph.tensors[i].dtype == "int8"]
    if constants or not _straight(op) or len(op.outputs) != 1:
        return False
    sources = [np.broadcast_to(nodes[i], graph.tensors[i].shape) for i in data]
    shape = graph.tensors[op.outputs[0]].shape
    if op.kind in MOVES:
        sources = [MOVES[op.kind](graph, op, sources)]
    elif op.kind in _CHANNELWISE:
        sources = [source[(0,) * (source.ndim - 1)] for source in sources]
    elif op.kind != "ADD":
        return False
    target = np.broadcast_to(nodes[op.outputs[0]], shape)
    if (op.kind in MOVES and sources[0].shape != shape) or _averages_channels(graph, op):
        return False
    for source in sources:
        pairs = np.stack([target.reshape(-1), np.broadcast_to(source, shape).reshape(-1)])
        for a, b in np.unique(pairs, axis=1).T:
            if b >= 0:  # not padding, which is zero in any scale
                union.merge(int(a), int(b))
    return True


# Every channel of the output comes from the same channel of every input.
_CHANNELWISE = {
    "AVERAGE_POOL_2D",
    "LEAKY_RELU",
    "MAX_POOL_2D",
    "MEAN",
    "QUANTIZE",
    "RELU",
    "RESIZE_NEAREST_NEIGHBOR",
}


def _averages_channels(graph: Graph, op: Op) -> bool:
    if op.kind != "MEAN":
        return False
    last = len(graph.tensors[op.inputs[0]].shape) - 1
    return any(axis in (last, -1) for axis in constant(graph, op, 1).reshape(-1))
