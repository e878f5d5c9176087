"""STRIDED_SLICE: a gather from an offset, in the slice's steps, resolved as TensorFlow Lite Micro does."""

from __future__ import annotations

from dataclasses import dataclass

from nonn_mcu.codegen.arguments import integers, operands, require_int8, require_output_shape, require_rank
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.strides import merged, padded, row_major
from nonn_mcu.codegen.unsupported import require

KINDS = ("STRIDED_SLICE",)

_LARGEST_STEP = 65_535  # the largest dimension; the reference's index leaves 32 bits with steps near 2^31

# The reference kernel ignores these options, so no model that relies on them runs there either.
_IGNORED = ("ellipsis_mask", "new_axis_mask", "offset")


@dataclass(frozen=True)
class _Range:
    """Elements ``first``, ``first + step``, ... of an axis: ``count`` of them, maybe none."""

    first: int
    count: int
    step: int


def lower(graph: Graph, op: Op) -> Layer:
    """Rank 1 to 4; begin, end and strides constant with one entry for each axis; negative strides reverse.

    Raises :class:`Unsupported`.
    """
    source, *bounds = operands(graph, op, 4)
    require_int8(graph, op, source)
    require_rank(graph, op, source, 1, 4)
    for option in _IGNORED:
        require(
            not op.options[option],
            graph,
            op,
            f"{option} is not supported; write the slice out for every axis",
        )
    names = ("begin", "end", "strides")
    values = [integers(graph, op, tensor, name) for tensor, name in zip(bounds, names, strict=True)]
    require(
        all(len(value) == len(source.shape) for value in values)
        and all(1 <= abs(step) <= _LARGEST_STEP for step in values[2]),
        graph,
        op,
        f"begin, end and strides {[list(value) for value in values]} "
        f"must have {len(source.shape)} entries each, and strides of 1 to {_LARGEST_STEP} either way",
    )
    masks = (op.options["begin_mask"], op.options["end_mask"], op.options["shrink_axis_mask"])
    ranges = [
        _resolve(size, begin, end, step, tuple(bool(mask >> axis & 1) for mask in masks))
        for axis, (size, begin, end, step) in enumerate(zip(source.shape, *values, strict=True))
    ]
    require(
        all(found.count for found in ranges),
        graph,
        op,
        f"the slice of {list(source.shape)} is empty or out of range",
    )
    kept = [found.count for axis, found in enumerate(ranges) if not masks[2] >> axis & 1]
    require_output_shape(graph, op, tuple(kept))
    strides = row_major(source.shape)
    walk = merged(
        tuple(found.count for found in ranges),
        tuple(found.step * stride for found, stride in zip(ranges, strides, strict=True)),
    )
    counts, steps = padded(*walk, 5)
    return Layer(
        kernel="strided_copy",
        params={
            "offset": sum(found.first * stride for found, stride in zip(ranges, strides, strict=True)),
            "count": counts,
            "stride": steps,
        },
        inputs=op.inputs[:1],
        output=op.outputs[0],
        notes=(f"from {[found.first for found in ranges]}", f"steps {list(values[2])}"),
    )


def _resolve(size: int, begin: int, end: int, step: int, masks: tuple[bool, ...]) -> _Range:
    """One axis. Negative indices count from its end; a shrunk axis holds the single element at ``begin``."""
    begin_mask, end_mask, shrink = masks
    low, high = (0, size) if step > 0 else (-1, size - 1)

    def clamped(index: int) -> int:
        return max(low, min(high, index + size if index < 0 else index))

    first = (0 if step > 0 else size - 1) if begin_mask else clamped(begin)
    if shrink:  # the reference copies nothing for a negative step or an index past the end
        return _Range(first, int(step > 0 and first < size), step)
    stop = (size if step > 0 else -1) if end_mask else clamped(end)
    return _Range(first, max(0, -(-(stop - first) // step)), step)
