"""CONV_2D: input NHWC, weights OHWI, optional int32 bias; strides, dilation, groups, fused activation.

The weights have one scale or one per filter. Groups are told by the shapes: a filter with fewer channels
than the input sees one group of them.
"""

from __future__ import annotations

from nonn_mcu.codegen import filters
from nonn_mcu.codegen.arguments import require_output_shape, require_rank
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.trail import window_trail
from nonn_mcu.codegen.unsupported import require

KINDS = ("CONV_2D",)

_COLUMNS = 3  # NONN_DOT_COLUMNS


def lower(graph: Graph, op: Op) -> Layer:
    """One call of ``nonn_conv_2d``. Raises :class:`BadInput`."""
    source, weights, bias, output = filters.filter_operands(graph, op)
    require_rank(graph, op, source, 4, 4)
    require_rank(graph, op, weights, 4, 4)
    filters.require_channels(graph, op, weights, bias, axis=0)
    batch, in_h, in_w, in_c = source.shape
    out_c, kernel_h, kernel_w, kernel_c = weights.shape
    require(batch == 1, graph, op, f"batch {batch}; export the model with batch 1")
    require(in_c % kernel_c == 0, graph, op, f"{in_c} input channels do not split into groups of {kernel_c}")
    groups = in_c // kernel_c
    require(out_c % groups == 0, graph, op, f"{out_c} filters do not split into {groups} groups")
    rows, columns, steps = filters.sliding_window(graph, op, (in_h, in_w), (kernel_h, kernel_w))
    out_h, out_w = rows.out, columns.out
    require_output_shape(graph, op, (1, out_h, out_w, out_c))
    assert weights.data is not None
    filters.require_sums(graph, op, weights.data.reshape(out_c, -1), bias, source.zero_point)
    return Layer(
        kernel="conv_2d",
        params={
            "in_h": in_h,
            "in_w": in_w,
            "in_c": in_c,
            "out_h": out_h,
            "out_w": out_w,
            "out_c": out_c,
            "kernel_h": kernel_h,
            "kernel_w": kernel_w,
            "kernel_c": kernel_c,
            **steps,
            **filters.arithmetic(op, source, weights, bias, output, channels=out_c),
        },
        inputs=(source.index,),
        output=output.index,
        scratch_bytes=_COLUMNS * kernel_h * kernel_w * kernel_c * 2,
        trail=(
            window_trail(rows, columns, in_bytes=in_c, out_bytes=out_c, block=_COLUMNS, held=groups == 1),
        ),
        macs=out_h * out_w * out_c * kernel_h * kernel_w * kernel_c,
        notes=filters.window_notes(op, kernel_h, kernel_w),
    )
