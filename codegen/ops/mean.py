"""MEAN over any axes, with the division folded into the requantisation as TensorFlow Lite Micro does it."""

from __future__ import annotations

from math import prod

from nonn_mcu.codegen.arguments import integers, operands, require_int8, require_output_shape, require_rank
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.quantize import quantize_multiplier
from nonn_mcu.codegen.strides import merged, padded, row_major
from nonn_mcu.codegen.trail import walk_trail
from nonn_mcu.codegen.unsupported import require

KINDS = ("MEAN",)

_MOST_SUMMED = 1 << 23  # times the widest difference from a zero point, 255, still fits an int32


def lower(graph: Graph, op: Op) -> Layer:
    """Rank 1 to 6; axes constant, negative ones count from the last, repeated ones count once.

    Raises :class:`Unsupported`.
    """
    source, axes_tensor = operands(graph, op, 2)
    require_int8(graph, op, source)
    require_rank(graph, op, source, 1, 6)
    rank = len(source.shape)
    listed = integers(graph, op, axes_tensor, "the list of axes")
    require(
        all(-rank <= axis < rank for axis in listed),
        graph,
        op,
        f"axes {list(listed)} do not all exist in shape {list(source.shape)}",
    )
    axes = {axis % rank for axis in listed}
    shape = [1 if axis in axes else size for axis, size in enumerate(source.shape)]
    if not op.options["keep_dims"]:
        shape = [size for axis, size in enumerate(source.shape) if axis not in axes]
    require_output_shape(graph, op, tuple(shape))

    summed = prod(source.shape[axis] for axis in axes)
    require(summed <= _MOST_SUMMED, graph, op, f"sums {summed} elements, at most {_MOST_SUMMED} fit 32 bits")
    output = graph.tensors[op.outputs[0]]
    multiplier, shift = _mean_multiplier(source.scale / output.scale, summed)
    kept_count, kept_stride = _walk(source.shape, [axis for axis in range(rank) if axis not in axes])
    summed_count, summed_stride = _walk(source.shape, sorted(axes))
    return Layer(
        kernel="mean",
        params={
            "kept_count": kept_count,
            "kept_stride": kept_stride,
            "summed_count": summed_count,
            "summed_stride": summed_stride,
            "sum_offset": -source.zero_point * summed,
            "multiplier": multiplier,
            "shift": shift,
            "output_zero_point": output.zero_point,
        },
        inputs=op.inputs[:1],
        output=op.outputs[0],
        trail=(walk_trail(kept_count, kept_stride, row_major(kept_count)),),
        notes=(f"over axes {sorted(axes)}",),
    )


def _walk(shape: tuple[int, ...], axes: list[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    strides = row_major(shape)
    return padded(*merged(tuple(shape[axis] for axis in axes), tuple(strides[axis] for axis in axes)), 3)


def _mean_multiplier(scale: float, summed: int) -> tuple[int, int]:
    """``scale / summed`` as multiplier and shift. Source: QuantizedMeanOrSum in reference/reduce.h.

    The multiplier is shifted up by the number's binary logarithm, as far as the shift stays above -32, before
    it is divided, so it may lose one bit.
    """
    multiplier, shift = quantize_multiplier(scale)
    up = min(summed.bit_length() - 1, 32, 31 + shift)
    return (multiplier << up) // summed, shift - up
