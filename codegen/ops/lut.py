"""The operators that map one byte to one byte, as a table of 256 (firmware/include/nonn/kernels/lut.h).

Each table is computed here in the reference's own arithmetic. Sources: for the multipliers tensorflow/lite/
micro/kernels/{activations,leaky_relu,hard_swish,logistic,quantize}_common.cc and tanh.cc, for the arithmetic
tensorflow/lite/kernels/internal/reference/. Published sources divide the scales of RELU, LEAKY_RELU and
HARD_SWISH in float; the oracle's wheel divides in double.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import numpy as np

from nonn_mcu.codegen import fixed_point
from nonn_mcu.codegen.arguments import operands, require_int8, require_output_shape
from nonn_mcu.codegen.fixed_point import doubling_high_mul, requantize, rounding_shift_right, wrap
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.layer import Layer, Table
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN, INT32_MAX, quantize_multiplier, round_half_away
from nonn_mcu.errors import BadInput

_INPUT_BITS = 4  # integer bits of the input to LOGISTIC and TANH
_INPUTS = range(-128, 128)


def lower(graph: Graph, op: Op) -> Layer:
    """Lower to ``nonn_lut``. Raises :class:`BadInput` where the reference refuses or overflows."""
    (x,), y = operands(graph, op, 1), graph.tensors[op.outputs[0]]
    require_int8(graph, op, x)
    require_int8(graph, op, y)
    require_output_shape(graph, op, x.shape)
    outputs = _FUNCTIONS[op.kind](x, y, op)
    table = Table("int8_t", np.array([min(max(q, INT8_MIN), INT8_MAX) for q in outputs], np.int8))
    return Layer("lut", {"table": table, "count": x.size}, (x.index,), y.index, trail=(0,))


def _quantize(x: Tensor, y: Tensor, _: Op) -> Iterable[int]:
    return _rescaled(x, y)


def _relu(x: Tensor, y: Tensor, _: Op) -> Iterable[int]:
    return [max(q, y.zero_point) for q in _rescaled(x, y)]


def _rescaled(x: Tensor, y: Tensor) -> Iterable[int]:
    factor = _multiplier(x.scale / y.scale, max(128 + x.zero_point, 127 - x.zero_point))
    return [requantize(q - x.zero_point, *factor) + y.zero_point for q in _INPUTS]


def _multiplier(real: float, largest: int) -> tuple[int, int]:
    """Multiplier and shift that take inputs of magnitude ``largest`` without overflow."""
    multiplier, shift = quantize_multiplier(real)
    if largest << max(shift, 0) > INT32_MAX:
        raise BadInput(f"the ratio of scales, {real:.3g}, overflows the reference's 32 bits; calibrate again")
    return multiplier, shift


def _relu6(x: Tensor, _: Tensor, __: Op) -> Iterable[int]:
    """Clamp without rescaling: the reference ignores the output's scale and zero point."""
    with np.errstate(over="ignore"):
        six = float(np.float32(6.0) / np.float32(x.scale))
    if six >= INT32_MAX:
        raise BadInput(f"input scale {x.scale:g} is too small for a bound of 6; calibrate again")
    high = min(round_half_away(six) + x.zero_point, INT8_MAX)
    return [max(min(q, high), x.zero_point) for q in _INPUTS]


def _leaky_relu(x: Tensor, y: Tensor, op: Op) -> Iterable[int]:
    alpha = float(op.options["alpha"])
    positive = _multiplier(x.scale / y.scale, 127 - x.zero_point)
    slope = x.scale * alpha / y.scale
    negative = _multiplier(abs(slope), 128 + x.zero_point)
    sign = -1 if slope < 0 else 1

    def output(q: int) -> int:
        if q >= 0:
            return requantize(q, *positive)
        return sign * requantize(q, *negative)

    return [output(q - x.zero_point) + y.zero_point for q in _INPUTS]


def _logistic(x: Tensor, y: Tensor, _: Op) -> Iterable[int]:
    if y.zero_point != INT8_MIN:
        raise BadInput(f"its output has zero point {y.zero_point}, the reference takes -128; quantise again")
    return _sigmoid(x, lambda raw: rounding_shift_right(fixed_point.logistic(raw, _INPUT_BITS), 31 - 8) - 128)


def _tanh(x: Tensor, _: Tensor, __: Op) -> Iterable[int]:
    """Scale 1/128 and zero point 0, whatever the output declares: so does the reference."""
    return _sigmoid(x, lambda raw: rounding_shift_right(fixed_point.tanh(raw, _INPUT_BITS), 31 - 7))


def _sigmoid(x: Tensor, function: Callable[[int], int]) -> Iterable[int]:
    """Apply a function of Q4.27 that is saturated for inputs from 15 on."""
    fraction, shift = math.frexp(x.scale * (1 << (31 - _INPUT_BITS)))
    multiplier = int(fraction * (1 << 31))  # exact: the scale is a float32
    if not 0 <= shift <= 62:
        raise BadInput(f"input scale {x.scale:g} is out of the reference kernel's range; calibrate again")
    radius = (((1 << _INPUT_BITS) - 1) << (31 - _INPUT_BITS)) >> shift

    def output(q: int) -> int:
        if q <= -radius:
            return INT8_MIN
        return INT8_MAX if q >= radius else function(requantize(q, multiplier, shift))

    return [output(q - x.zero_point) for q in _INPUTS]


def _hard_swish(x: Tensor, y: Tensor, _: Op) -> Iterable[int]:
    """Compute x * relu6(x + 3) / 6 in int16, in the reference's order of roundings and saturations."""
    output_multiplier, output_shift = _multiplier16(x.scale / 128 / y.scale)
    relu_multiplier, relu_shift = _multiplier16(x.scale / 128 / (3 / 32768))
    if output_shift > 0:
        raise BadInput(f"input scale {x.scale:g} is 128 output scales or more; the reference refuses that")

    def output(q: int) -> int:
        hires = q << 7
        reluish = hires
        if relu_shift > 0:
            reluish = _saturate16(reluish << (relu_shift - 1))
        reluish = doubling_high_mul(reluish, relu_multiplier, bits=16)
        if relu_shift > 0:
            reluish = _saturate16(reluish << 1)
        reluish = _shift_right16(reluish, max(-relu_shift, 0))
        gate = (reluish + (1 << 15)) >> 1  # [-1, 1] to [0, 1]
        product = gate * doubling_high_mul(hires, output_multiplier, bits=16)
        towards_zero = -(-product >> 15) if product < 0 else product >> 15
        return wrap(_shift_right16(towards_zero, -output_shift) + y.zero_point, 16)

    return [output(q - x.zero_point) for q in _INPUTS]


def _multiplier16(real: float) -> tuple[int, int]:
    multiplier, shift = quantize_multiplier(real)
    return min((multiplier + (1 << 15)) >> 16, 32767), shift


def _saturate16(value: int) -> int:
    return max(-32768, min(32767, value))


def _shift_right16(x: int, exponent: int) -> int:
    """Shift right and round as gemmlowp's template does it on int16: the mask wraps from 16 bits on."""
    mask = wrap((1 << exponent) - 1, 16)
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


_FUNCTIONS: dict[str, Callable[[Tensor, Tensor, Op], Iterable[int]]] = {
    "HARD_SWISH": _hard_swish,
    "LEAKY_RELU": _leaky_relu,
    "LOGISTIC": _logistic,
    "QUANTIZE": _quantize,
    "RELU": _relu,
    "RELU6": _relu6,
    "TANH": _tanh,
}

KINDS = tuple(_FUNCTIONS)
