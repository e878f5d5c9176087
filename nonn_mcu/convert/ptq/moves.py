"""Operators that only move values: what stands where behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from nonn_mcu.codegen.graph import Graph, Op

Move = Callable[[Graph, Op, Sequence[np.ndarray]], np.ndarray]


def constant(graph: Graph, op: Op, slot: int) -> np.ndarray:
    """Give the constant at an operator's input."""
    data = graph.tensors[op.inputs[slot]].data
    assert data is not None
    return data


def _padded(graph: Graph, op: Op, sources: Sequence[np.ndarray]) -> np.ndarray:
    return np.pad(sources[0], constant(graph, op, 1), constant_values=-1)


def _reshaped(graph: Graph, op: Op, sources: Sequence[np.ndarray]) -> np.ndarray:
    return sources[0].reshape(graph.tensors[op.outputs[0]].shape)


def _transposed(graph: Graph, op: Op, sources: Sequence[np.ndarray]) -> np.ndarray:
    return np.transpose(sources[0], constant(graph, op, 1))


def _concatenated(graph: Graph, op: Op, sources: Sequence[np.ndarray]) -> np.ndarray:
    return np.concatenate(sources, axis=op.options["axis"])


def _sliced(graph: Graph, op: Op, sources: Sequence[np.ndarray]) -> np.ndarray:
    begin, size = (constant(graph, op, slot) for slot in (1, 2))
    parts = (slice(b, None if s < 0 else b + s) for b, s in zip(begin, size, strict=True))
    return sources[0][tuple(parts)]


def _strided(graph: Graph, op: Op, sources: Sequence[np.ndarray]) -> np.ndarray:
    bounds = [constant(graph, op, slot).tolist() for slot in (1, 2, 3)]
    masks = (op.options["begin_mask"], op.options["end_mask"])
    parts = []
    for axis, (begin, end, step) in enumerate(zip(*bounds, strict=True)):
        first, last = (
            None if mask >> axis & 1 else bound for mask, bound in zip(masks, (begin, end), strict=True)
        )
        parts.append(slice(first, last, step))
    return sources[0][tuple(parts)]


# Each takes arrays of the inputs' shapes and gives that of the output; padding of any value is -1 there.
MOVES: dict[str, Move] = {
    "CONCATENATION": _concatenated,
    "PAD": _padded,
    "PADV2": _padded,
    "RESHAPE": _reshaped,
    "SLICE": _sliced,
    "STRIDED_SLICE": _strided,
    "TRANSPOSE": _transposed,
}
