"""ADD and SUB (firmware/include/nonn/kernels/add.h).

Both operands are brought to half of the larger scale, with 20 bits to spare. Source of the scales:
tensorflow/lite/micro/kernels/add_common.cc and sub_common.cc. Published sources of the latter divide in
float; the oracle's wheel divides in double in both.
"""

from __future__ import annotations

from dataclasses import replace

from nonn_mcu.codegen.arguments import operands, require_int8
from nonn_mcu.codegen.broadcast import broadcast_walk, in_place
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer, Value
from nonn_mcu.codegen.quantize import activation_range, quantize_multiplier
from nonn_mcu.errors import BadInput

KINDS = ("ADD", "SUB")

_LEFT_SHIFT = 20  # NONN_ADD_LEFT_SHIFT


def lower(graph: Graph, op: Op) -> Layer:
    """Lower to ``nonn_add``. Raises :class:`BadInput` for scales that the reference refuses."""
    first, second = operands(graph, op, 2)
    for tensor in (first, second):
        require_int8(graph, op, tensor)
    y = graph.tensors[op.outputs[0]]
    swap = first.scale < second.scale
    wide, narrow = (second, first) if swap else (first, second)
    walk = broadcast_walk(graph, replace(op, inputs=(wide.index, narrow.index)))
    subtract = op.kind == "SUB"
    low, high = activation_range(op.options["fused_activation"], y.scale, y.zero_point)
    params: dict[str, Value] = {
        "walk": walk,
        "wide_factor": (1 << (_LEFT_SHIFT - 1)) * (-1 if subtract and swap else 1),
        "narrow_sign": -1 if subtract and not swap else 1,
        "wide_zero_point": wide.zero_point,
        "narrow_zero_point": narrow.zero_point,
        "narrow_factor": _factor(narrow.scale / (2 * wide.scale)),
        "output_zero_point": y.zero_point,
        "output_factor": _factor(2 * wide.scale / ((1 << _LEFT_SHIFT) * y.scale)),
        "activation_min": low,
        "activation_max": high,
    }
    trail = in_place(wide, narrow, output=y)
    return Layer("add", params, (wide.index, narrow.index), y.index, trail=trail)


def _factor(ratio: float) -> tuple[int, int]:
    """Fields of ``nonn_add_factor``."""
    multiplier, shift = quantize_multiplier(ratio)
    if shift > 0:
        raise BadInput(f"a ratio of scales, {ratio:.3g}, is refused by the reference; calibrate again")
    return multiplier, -shift
