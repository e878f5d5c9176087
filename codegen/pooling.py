"""What AVERAGE_POOL_2D and MAX_POOL_2D have in common: all but the kernel."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.arguments import operands, require_int8, require_output_shape, require_rank
from nonn_mcu.codegen.geometry import output_size, pad_before
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.quantize import activation_range
from nonn_mcu.codegen.trail import Axis, walk_trail, window_trail
from nonn_mcu.codegen.unsupported import require

_LARGEST = 65_535  # of a filter or a stride: keeps every coordinate of the kernel within 32 bits
_MOST_PIXELS = 1 << 23  # of a window: their sum, with the rounding, fits 32 bits


def lower_pooling(graph: Graph, op: Op, kernel: str) -> Layer:
    """Rank 4, NHWC; input and output share scale (to 1e-6) and zero point. Raises :class:`BadInput`."""
    (source,) = operands(graph, op, 1)
    require_int8(graph, op, source)
    require_rank(graph, op, source, 4, 4)
    output = graph.tensors[op.outputs[0]]
    batches, in_h, in_w, channels = source.shape
    filter_h, filter_w, stride_h, stride_w = steps = tuple(
        int(op.options[key]) for key in ("filter_h", "filter_w", "stride_h", "stride_w")
    )
    require(
        all(1 <= step <= _LARGEST for step in steps),
        graph,
        op,
        f"filter {filter_h}x{filter_w} and stride {stride_h}x{stride_w} must be in 1..{_LARGEST}",
    )
    padding = op.options["padding"]
    out_h = output_size(padding, in_h, filter_h, stride_h)
    out_w = output_size(padding, in_w, filter_w, stride_w)
    require(min(out_h, out_w) >= 1, graph, op, f"no window of {filter_h}x{filter_w} fits {in_h}x{in_w}")
    require_output_shape(graph, op, (batches, out_h, out_w, channels))
    pixels = min(filter_h, in_h) * min(filter_w, in_w)
    require(pixels <= _MOST_PIXELS, graph, op, f"a window of {pixels} pixels, its sum must fit 32 bits")
    require(
        bool(abs(np.float32(source.scale) - np.float32(output.scale)) <= 1e-6)
        and source.zero_point == output.zero_point,
        graph,
        op,
        "input and output are quantised differently; convert the model again",
    )
    rows = Axis(in_h, out_h, filter_h, stride_h, pad_before(in_h, filter_h, stride_h, 1, out_h))
    columns = Axis(in_w, out_w, filter_w, stride_w, pad_before(in_w, filter_w, stride_w, 1, out_w))
    images = walk_trail((batches,), (source.size // batches,), (output.size // batches,))
    low, high = activation_range(op.options["fused_activation"], output.scale, output.zero_point)
    return Layer(
        kernel=kernel,
        params={
            "batches": batches,
            "channels": channels,
            "in_h": in_h,
            "in_w": in_w,
            "out_h": out_h,
            "out_w": out_w,
            "filter_h": filter_h,
            "filter_w": filter_w,
            "stride_h": stride_h,
            "stride_w": stride_w,
            "pad_h": rows.pad,
            "pad_w": columns.pad,
            "activation_min": low,
            "activation_max": high,
        },
        inputs=op.inputs,
        output=op.outputs[0],
        trail=(images + window_trail(rows, columns, in_bytes=channels, out_bytes=channels),),
        notes=(f"filter {filter_h}x{filter_w}", f"stride {stride_h}x{stride_w}", padding),
    )
