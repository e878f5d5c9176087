"""Graph -> Graph: shape arithmetic is computed, and what nobody reads is dropped.

A converter that kept a dynamic batch leaves SHAPE, STRIDED_SLICE and PACK in front of a RESHAPE. With
fixed shapes their results are constants.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np

from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.unsupported import label
from nonn_mcu.errors import BadInput

# Of operands and of elements in each: shapes are short, and a hostile file must not make much of little.
_LONGEST = 64

Fold = Callable[[Op, list[np.ndarray]], np.ndarray]


def fold(graph: Graph) -> Graph:
    """Compute what depends on shapes alone, then drop the operators whose results nobody reads.

    The graph must be in order (:func:`check.check_order`). Tensors keep their indices. Raises
    :class:`BadInput` if a folded value does not have the shape and type that the file declares.
    """
    tensors = list(graph.tensors)
    kept: list[Op] = []
    for op in graph.ops:
        value = _value(op, tensors)
        if value is None:
            kept.append(op)
            continue
        result = tensors[op.outputs[0]]
        if value.shape != result.shape or value.dtype.name != result.dtype:
            raise BadInput(
                f"{label(graph, op)}: {value.dtype.name}{list(value.shape)} is computed, "
                f"{result.dtype}{list(result.shape)} declared; convert again"
            )
        tensors[result.index] = replace(result, data=value)
    return _without_dead(replace(graph, tensors=tuple(tensors), ops=tuple(kept)))


def _value(op: Op, tensors: list[Tensor]) -> np.ndarray | None:
    """Compute what the operator yields; None where that is not a matter of shapes."""
    operands = [tensors[index] for index in op.inputs if index >= 0]
    if len(op.outputs) != 1 or len(operands) != len(op.inputs) or not operands:
        return None
    if op.kind == "SHAPE":
        return np.array(operands[0].shape, "int64" if op.options["out_type"] == 4 else "int32")
    if op.kind not in _FOLDS or tensors[op.outputs[0]].dtype not in ("int32", "int64"):
        return None
    if len(operands) > _LONGEST or any(o.data is None or o.size > _LONGEST for o in operands):
        return None
    try:
        return _FOLDS[op.kind](op, [operand.data for operand in operands if operand.data is not None])
    except (ValueError, IndexError, TypeError):
        return None  # malformed operands; the operator stays and is refused where it is lowered


def _strided_slice(op: Op, data: list[np.ndarray]) -> np.ndarray:
    values, begin, end, strides = data
    masks = ("begin_mask", "end_mask", "shrink_axis_mask")
    if op.options["ellipsis_mask"] or op.options["new_axis_mask"] or op.options["offset"]:
        raise ValueError("form of slice that converters do not write for shapes")
    begin_mask, end_mask, shrink_mask = (int(op.options[mask]) for mask in masks)
    index: list[slice | int] = []
    for axis, (b, e, s) in enumerate(zip(begin.tolist(), end.tolist(), strides.tolist(), strict=True)):
        bit = 1 << axis
        if shrink_mask & bit:
            index.append(b)
        else:
            index.append(slice(None if begin_mask & bit else b, None if end_mask & bit else e, s))
    return np.asarray(values[tuple(index)])


def _pack(op: Op, data: list[np.ndarray]) -> np.ndarray:
    return np.stack(data, axis=int(op.options["axis"]))


def _concatenation(op: Op, data: list[np.ndarray]) -> np.ndarray:
    return np.concatenate(data, axis=int(op.options["axis"]))


def _gather(op: Op, data: list[np.ndarray]) -> np.ndarray:
    values, indices = data
    if op.options["batch_dims"] or indices.min(initial=0) < 0:
        raise ValueError("form of gather that converters do not write for shapes")
    return np.take(values, indices, axis=int(op.options["axis"]))


_FOLDS: Mapping[str, Fold] = {
    "STRIDED_SLICE": _strided_slice,
    "PACK": _pack,
    "CONCATENATION": _concatenation,
    "GATHER": _gather,
}


def _without_dead(graph: Graph) -> Graph:
    needed = set(graph.outputs)
    kept: list[Op] = []
    for op in reversed(graph.ops):
        if needed.intersection(op.outputs):
            needed.update(index for index in op.inputs if index >= 0)
            kept.append(op)
    return replace(graph, ops=tuple(reversed(kept)))
