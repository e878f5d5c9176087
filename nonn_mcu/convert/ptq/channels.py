"""Which channels of which activations may only be scaled together.

Halving a channel of one activation goes unnoticed when whoever computes it has weights that can be halved,
whoever reads it has weights that can be doubled, and everyone between is linear in it. An addition ties its
operands channel by channel, so that the whole residual stream of a stage is one set of channels; a
convolution ties nothing. Channels that nobody can scale are one set of their own: those of inputs and
outputs, and of what an operator not known here touches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.convert.ptq.ties import Union

# Node 0 stands for everything whose scale is given.
FIXED = 0

Nodes = np.ndarray  # int64, of the shape of an activation: the node of every value


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


_WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


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
    move = _MOVES.get(op.kind)
    if move is None or not _straight(op):
        return False
    data = [index for index in op.inputs if index in nodes]
    if any(graph.tensors[i].dtype == "int8" and i not in nodes for i in op.inputs if i >= 0):
        return False  # a constant operand
    spread = [np.broadcast_to(nodes[i], graph.tensors[i].shape) for i in data]
    targets = [np.broadcast_to(nodes[i], graph.tensors[i].shape) for i in op.outputs]
    for target in targets:
        sources = move(graph, op, spread, target)
        if any(source.shape != target.shape for source in sources):
            return False
        for source in sources:
            pairs = np.unique(np.stack([target.reshape(-1), source.reshape(-1)]), axis=1)
            for a, b in pairs.T:
                if b >= 0:  # not padding, which is zero in any scale
                    union.merge(int(a), int(b))
    return True


Move = Callable[[Graph, Op, Sequence[Nodes], Nodes], Sequence[Nodes]]


def _channelwise(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> list[Nodes]:
    """Every channel of the output comes from the same channel of every input."""
    return [np.broadcast_to(s[(0,) * (s.ndim - 1)], target.shape) for s in sources]


def _averaged(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> Sequence[Nodes]:
    last = sources[0].ndim - 1
    if any(axis in (last, -1) for axis in _constant(graph, op, 1).reshape(-1)):
        return sources  # over channels: shapes differ, or every mean is of one value
    return _channelwise(graph, op, sources, target)


def _added(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> list[Nodes]:
    return [np.broadcast_to(source, target.shape) for source in sources]


def _padded(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> list[Nodes]:
    return [np.pad(sources[0], _constant(graph, op, 1), constant_values=-1)]


def _reshaped(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> list[Nodes]:
    return [sources[0].reshape(target.shape)]


def _transposed(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> list[Nodes]:
    return [np.transpose(sources[0], _constant(graph, op, 1))]


def _concatenated(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> list[Nodes]:
    return [np.concatenate(sources, axis=op.options["axis"])]


def _sliced(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> list[Nodes]:
    begin, size = (_constant(graph, op, slot) for slot in (1, 2))
    parts = (slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True))
    return [sources[0][tuple(parts)]]


def _strided(graph: Graph, op: Op, sources: Sequence[Nodes], target: Nodes) -> list[Nodes]:
    bounds = [_constant(graph, op, slot).tolist() for slot in (1, 2, 3)]
    masks = (op.options["begin_mask"], op.options["end_mask"])
    parts = []
    for axis, (begin, end, step) in enumerate(zip(*bounds, strict=True)):
        first, last = (
            None if mask >> axis & 1 else bound for mask, bound in zip(masks, (begin, end), strict=True)
        )
        parts.append(slice(first, last, step))
    return [sources[0][tuple(parts)]]


def _constant(graph: Graph, op: Op, slot: int) -> np.ndarray:
    data = graph.tensors[op.inputs[slot]].data
    assert data is not None
    return data


_MOVES: dict[str, Move] = {
    "ADD": _added,
    "AVERAGE_POOL_2D": _channelwise,
    "CONCATENATION": _concatenated,
    "LEAKY_RELU": _channelwise,
    "MAX_POOL_2D": _channelwise,
    "MEAN": _averaged,
    "PAD": _padded,
    "QUANTIZE": _channelwise,
    "RELU": _channelwise,
    "RESHAPE": _reshaped,
    "RESIZE_NEAREST_NEIGHBOR": _channelwise,
    "SLICE": _sliced,
    "STRIDED_SLICE": _strided,
    "TRANSPOSE": _transposed,
}
