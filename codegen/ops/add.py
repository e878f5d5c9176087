"""ADD and SUB (firmware/include/nonn/kernels/add.h).

Both operands are brought to half of the larger scale, with 20 bits to spare. Source of the scales:
tensorflow/lite/micro/kernels/add_common.cc (in double) and sub_common.cc (in float).
"""

from __future__ import annotations

import numpy as np

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
    scales = np.array((a.scale, b.scale, y.scale), np.float64 if op.kind == "ADD" else np.float32)
    factors = [_factor(float(ratio)) for ratio in _ratios(scales)]
    low, high = activation_range(op.options["fused_activation"], y.scale, y.zero_point)
    params: dict[str, Value] = {
        "walk": walk,
        "sign": 1 if op.kind == "ADD" else -1,
        "input_zero_point": (a.zero_point, b.zero_point),
        "input_factor": (factors[0], factors[1]),
        "output_zero_point": y.zero_point,
        "output_factor": factors[2],
        "low": low,
        "high": high,
    }
    return Layer("add", params, (a.index, b.index), y.index)


def _ratios(scales: np.ndarray) -> np.ndarray:
    """Scales of both inputs and the output to the three factors, in the precision of ``scales``."""
    a, b, y = scales
    with np.errstate(over="ignore", under="ignore"):
        twice_larger = 2 * max(a, b)
        return np.stack((a / twice_larger, b / twice_larger, twice_larger / ((1 << _LEFT_SHIFT) * y)))


def _factor(ratio: float) -> tuple[int, int]:
    """Fields of ``nonn_add_factor``."""
    multiplier, shift = quantize_multiplier(ratio)
    if ratio == 0 or shift > 0:
        raise BadInput(f"a ratio of scales, {ratio:.3g}, is refused by the reference; calibrate again")
    return multiplier, -shift
