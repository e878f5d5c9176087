"""What AVERAGE_POOL_2D and MAX_POOL_2D have in common: all but the kernel."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.arguments import operands, require_int8, require_output_shape, require_rank
from nonn_mcu.codegen.geometry import output_size, pad_before
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.quantize import activation_range
from nonn_mcu.codegen.unsupported import require

_LARGEST = 65_535  # of a filter or a stride: keeps every coordinate of the kernel within 32 bits
_MOST_PIXELS = 1 << 23  # of a window: their sum, with the rounding, fits 32 bits


def lower_pooling(graph: Graph, op: Op, kernel: str) -> Layer:
    """Rank 4, NHWC; input and output share scale (to 1e-6) and zero point."""
    (source,) = operands(graph, op, 1)
    require_int8(graph, op, source)
    require_rank(graph, op, source, 4, 4)
    output = graph.tensors[op.outputs[0]]
    batches, height, width, channels = source.shape
    sizes = {key: int(op.options[key]) for key in ("filter_h", "filter_w", "stride_h", "stride_w")}
    require(
        all(1 <= size <= _LARGEST for size in sizes.values()),
        graph,
        op,
        f"{sizes} must all be in 1..{_LARGEST}; convert the model again",
    )
    padding = op.options["padding"]
    rows = output_size(padding, height, sizes["filter_h"], sizes["stride_h"])
    columns = output_size(padding, width, sizes["filter_w"], sizes["stride_w"])
    require_output_shape(graph, op, (batches, rows, columns, channels))
    pixels = min(sizes["filter_h"], height) * min(sizes["filter_w"], width)
    require(
        pixels <= _MOST_PIXELS, graph, op, f"a window of {pixels} pixels, at most {_MOST_PIXELS} fit 32 bits"
    )
    require(
        abs(np.float32(source.scale) - np.float32(output.scale)) <= 1e-6
        and source.zero_point == output.zero_point,
        graph,
        op,
        "input and output are quantised differently; convert the model again",
    )
    low, high = activation_range(op.options["fused_activation"], output.scale, output.zero_point)
    return Layer(
        kernel=kernel,
        params={
            "batches": batches,
            "channels": channels,
            "input_height": height,
            "input_width": width,
            "output_height": rows,
            "output_width": columns,
            "filter_height": sizes["filter_h"],
            "filter_width": sizes["filter_w"],
            "stride_height": sizes["stride_h"],
            "stride_width": sizes["stride_w"],
            "padding_top": pad_before(height, sizes["filter_h"], sizes["stride_h"], 1, rows),
            "padding_left": pad_before(width, sizes["filter_w"], sizes["stride_w"], 1, columns),
            "activation_min": low,
            "activation_max": high,
        },
        inputs=op.inputs,
        output=op.outputs[0],
    )
