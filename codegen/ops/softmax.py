"""SOFTMAX over the last dimension (firmware/include/nonn/kernels/softmax.h).

A row's inputs differ from its maximum by one of 256 values, so the exponentials are a table. Source:
tensorflow/lite/kernels/internal/reference/softmax.h, PreprocessSoftmaxScaling and CalculateInputRadius in
quantization_util.cc.
"""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.arguments import operands, require_int8, require_output_shape
from nonn_mcu.codegen.fixed_point import doubling_high_mul, exp_on_negative_values
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer, Table, Value
from nonn_mcu.codegen.quantize import quantize_multiplier
from nonn_mcu.codegen.unsupported import require
from nonn_mcu.errors import BadInput

KINDS = ("SOFTMAX",)

_INTEGER_BITS = 5  # of the scaled difference
_MAX_DEPTH = 4095  # NONN_SOFTMAX_MAX_DEPTH
_SMALLEST_TERM = 1 << 11  # in Q0.31: what still rounds to one unit of the sum's Q12.19


def lower(graph: Graph, op: Op) -> Layer:
    """Lower to ``nonn_softmax``. Raises :class:`BadInput` for what the reference refuses."""
    (x,), y = operands(graph, op, 1), graph.tensors[op.outputs[0]]
    require_int8(graph, op, x)
    require_int8(graph, op, y)
    require_output_shape(graph, op, x.shape)
    if (y.scale, y.zero_point) != (1 / 256, -128):
        raise BadInput(f"its output has scale {y.scale:g} and zero point {y.zero_point}, not 1/256 and -128")
    depth = x.shape[-1]
    require(depth <= _MAX_DEPTH, graph, op, f"{depth} classes; at most {_MAX_DEPTH} are supported")
    beta = float(op.options["beta"])
    factor = beta * x.scale * (1 << (31 - _INTEGER_BITS))
    if not 1 < factor < float("inf"):
        raise BadInput(f"beta {beta:g} and input scale {x.scale:g} leave nothing to exponentiate")
    exp = Table("int32_t", _exponentials(factor))
    params: dict[str, Value] = {
        "exp": exp,
        "exp_count": len(exp.values),
        "rows": x.size // depth,
        "depth": depth,
    }
    return Layer("softmax", params, (x.index,), y.index, trail=(0,))


def _exponentials(factor: float) -> np.ndarray:
    """exp(-d * factor / 2^26) in Q0.31 for d = 0, 1, ..., up to the last that counts in a sum."""
    multiplier, shift = quantize_multiplier(min(factor, 2.0**31 - 1))
    radius = (((1 << _INTEGER_BITS) - 1) << (31 - _INTEGER_BITS)) >> shift
    terms = [
        exp_on_negative_values(doubling_high_mul(-difference << shift, multiplier), _INTEGER_BITS)
        for difference in range(min(radius, 255) + 1)
    ]
    counting = max(d for d, term in enumerate(terms) if term >= _SMALLEST_TERM)
    return np.array(terms[: counting + 1], np.int32)
