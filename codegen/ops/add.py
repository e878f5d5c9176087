"""ADD and SUB (firmware/include/nonn/kernels/add.h).

Both operands are brought to half of the larger scale, with 20 bits to spare. Source of the scales:
tensorflow/lite/micro/kernels/add_common.cc and sub_common.cc. Published sources of the latter divide in
float; the oracle's wheel divides in double in both.
"""

from __future__ import annotations

from nonn_mcu.codegen.arguments import operands
from nonn_mcu.codegen.broadcast import broadcast_walk
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer, Value
from nonn_mcu.codegen.quantize import activation_range, quantize_multiplier
from nonn_mcu.errors import BadInput

KINDS = ("ADD", "SUB")

_LEFT_SHIFT = 20  # NONN_ADD_LEFT_SHIFT


def lower(graph: Graph, op: Op) -> Layer:
    """Lower to ``nonn_add``. Raises :class:`BadInput` for scales that the reference refuses."""
    (a, b), y = operands(graph, op, 2), graph.tensors[op.outputs[0]]
    walk = broadcast_walk(graph, op)
    twice_larger = 2 * max(a.scale, b.scale)
    low, high = activation_range(op.options["fused_activation"], y.scale, y.zero_point)
    params: dict[str, Value] = {
        "walk": walk,
        "sign": 1 if op.kind == "ADD" else -1,
        "input_zero_point": (a.zero_point, b.zero_point),
        "input_factor": (_factor(a.scale / twice_larger), _factor(b.scale / twice_larger)),
        "output_zero_point": y.zero_point,
        "output_factor": _factor(twice_larger / ((1 << _LEFT_SHIFT) * y.scale)),
        "low": low,
        "high": high,
    }
    return Layer("add", params, (a.index, b.index), y.index)


def _factor(ratio: float) -> tuple[int, int]:
    """Fields of ``nonn_add_factor``."""
    multiplier, shift = quantize_multiplier(ratio)
    if shift > 0:
        raise BadInput(f"a ratio of scales, {ratio:.3g}, is refused by the reference; calibrate again")
    return multiplier, -shift
