"""MUL (firmware/include/nonn/kernels/mul.h)."""

from __future__ import annotations

from nonn_mcu.codegen.arguments import operands
from nonn_mcu.codegen.broadcast import broadcast_walk, in_place
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer, Value
from nonn_mcu.codegen.quantize import activation_range, quantize_multiplier
from nonn_mcu.errors import BadInput

KINDS = ("MUL",)

_MAX_SHIFT = 15  # 255 * 255 << 15 is the last product that fits int32


def lower(graph: Graph, op: Op) -> Layer:
    """Lower to ``nonn_mul``. Raises :class:`BadInput` for scales that overflow the reference."""
    (a, b), y = operands(graph, op, 2), graph.tensors[op.outputs[0]]
    walk = broadcast_walk(graph, op)
    ratio = a.scale * b.scale / y.scale
    multiplier, shift = quantize_multiplier(ratio)
    if shift > _MAX_SHIFT:
        raise BadInput(
            f"the ratio of scales, {ratio:.3g}, overflows the reference's 32 bits; calibrate again"
        )
    low, high = activation_range(op.options["fused_activation"], y.scale, y.zero_point)
    params: dict[str, Value] = {
        "walk": walk,
        "input_zero_point": (a.zero_point, b.zero_point),
        "multiplier": multiplier,
        "shift": shift,
        "output_zero_point": y.zero_point,
        "activation_min": low,
        "activation_max": high,
    }
    return Layer("mul", params, (a.index, b.index), y.index, trail=in_place(a, b, output=y))
