"""DEPTHWISE_CONV_2D: input NHWC, weights (1, height, width, channels), optional int32 bias.

Input channel c makes the output channels c * m to c * m + m - 1, where m is the depth multiplier.
"""

from __future__ import annotations

from nonn_mcu.codegen import filters
from nonn_mcu.codegen.arguments import require_output_shape, require_rank
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.trail import window_trail
from nonn_mcu.codegen.unsupported import require

KINDS = ("DEPTHWISE_CONV_2D",)


def lower(graph: Graph, op: Op) -> Layer:
    """One call of ``nonn_depthwise_conv_2d``. Raises :class:`BadInput`."""
    source, weights, bias, output = filters.filter_operands(graph, op)
    require_rank(graph, op, source, 4, 4)
    require_rank(graph, op, weights, 4, 4)
    filters.require_channels(graph, op, weights, bias, axis=3)
    batch, in_h, in_w, in_c = source.shape
    _, kernel_h, kernel_w, out_c = weights.shape
    depth_multiplier = int(op.options["depth_multiplier"])
    require(batch == 1, graph, op, f"batch {batch}; export the model with batch 1")
    require(
        weights.shape[0] == 1 and out_c == in_c * depth_multiplier,
        graph,
        op,
        f"weights {list(weights.shape)} do not fit {in_c} channels times depth multiplier {depth_multiplier}",
    )
    rows, columns, steps = filters.sliding_window(graph, op, (in_h, in_w), (kernel_h, kernel_w))
    out_h, out_w = rows.out, columns.out
    require_output_shape(graph, op, (1, out_h, out_w, out_c))
    assert weights.data is not None
    filters.require_sums(graph, op, weights.data.reshape(-1, out_c).T, bias, source.zero_point)
    return Layer(
        kernel="depthwise_conv_2d",
        params={
            "in_h": in_h,
            "in_w": in_w,
            "in_c": in_c,
            "out_h": out_h,
            "out_w": out_w,
            "depth_multiplier": depth_multiplier,
            "kernel_h": kernel_h,
            "kernel_w": kernel_w,
            **steps,
            **filters.arithmetic(op, source, weights, bias, output, channels=out_c),
        },
        inputs=(source.index,),
        output=output.index,
        # With one filter per channel, a channel's output is as far into its pixel as what it reads.
        trail=(window_trail(rows, columns, in_bytes=in_c, out_bytes=out_c, held=depth_multiplier == 1),),
        macs=out_h * out_w * out_c * kernel_h * kernel_w,
        notes=filters.window_notes(op, kernel_h, kernel_w),
    )
