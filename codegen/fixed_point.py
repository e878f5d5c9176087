"""The reference kernels' fixed-point arithmetic in Python integers, to compute tables at code generation.

The counterpart of ``firmware/include/nonn/fixed_point.h``, and the transcendental functions on top of it. A
number in Qm.n is an int32 ``raw`` with m integer bits, n = 31 - m fractional bits and a sign:
real = raw * 2^-n. Source of the algorithms: gemmlowp's fixedpoint.h and, with double rounding,
tensorflow/lite/kernels/internal/common.h.
"""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.quantize import INT32_MAX, INT32_MIN

ONE_Q0 = INT32_MAX  # 1.0 is not representable in Q0.31; this is what stands for it


def wrap(value: int, bits: int) -> int:
    """Two's complement of ``value`` in ``bits`` bits."""
    half = 1 << (bits - 1)
    return ((value + half) & ((1 << bits) - 1)) - half


def doubling_high_mul(a: int, b: int, bits: int = 32) -> int:
    """High half of 2ab, rounded to nearest, ties upwards; saturates the square of the lowest number."""
    if a == b == -(1 << (bits - 1)):
        return (1 << (bits - 1)) - 1
    return (a * b + (1 << (bits - 2))) >> (bits - 1)


def rounding_shift_right(x: int, exponent: int) -> int:
    """Divide by 2^exponent, rounded to nearest, ties away from zero; 0 <= exponent <= 31."""
    mask = (1 << exponent) - 1
    return (x >> exponent) + ((x & mask) > (mask >> 1) + (x < 0))


def saturating_shift_left(x: int, exponent: int) -> int:
    """Multiply by 2^exponent, saturated to int32."""
    return max(INT32_MIN, min(INT32_MAX, x << exponent))


def requantize(x: int, multiplier: int, shift: int) -> int:
    """Multiply by multiplier * 2^(shift - 31); the left shift wraps modulo 2^32."""
    shifted = wrap(x << max(shift, 0), 32)
    return rounding_shift_right(doubling_high_mul(shifted, multiplier), max(-shift, 0))


def scaled(sums: np.ndarray, multiplier: np.ndarray | int, right: np.ndarray | int) -> np.ndarray:
    """Do what :func:`requantize` does to whole int64 arrays, for shifts to the right by ``right``.

    No product may be that of two lowest numbers, which :func:`doubling_high_mul` saturates.
    """
    high = (sums * multiplier + (1 << 30)) >> 31
    mask = (np.int64(1) << right) - 1
    return np.asarray((high >> right) + ((high & mask) > (mask >> 1) + (high < 0)))


# exp(-2^k) in Q0.31, k from -2
_EXP_OF_MINUS_POWER = {
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}


def exp_on_negative_values(raw: int, integer_bits: int) -> int:
    """Exponential in Q0.31 for x <= 0 in Q(integer_bits), integer_bits <= 5.

    A Taylor series about -1/8 on [-1/4, 0), then one multiplication for each bit of the multiple of 1/4.
    """
    if raw == 0:
        return ONE_Q0
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    below_quarter = (raw & (quarter - 1)) - quarter
    x = (below_quarter << integer_bits) + (1 << 28)
    x2 = doubling_high_mul(x, x)
    x3 = doubling_high_mul(x2, x)
    x4_over_4 = rounding_shift_right(doubling_high_mul(x2, x2), 2)
    third = 715827883
    tail = rounding_shift_right(doubling_high_mul(x4_over_4 + x3, third) + x2, 1)
    exp_of_minus_eighth = 1895147668
    result = exp_of_minus_eighth + doubling_high_mul(exp_of_minus_eighth, x + tail)
    for power, factor in _EXP_OF_MINUS_POWER.items():
        if power < integer_bits and (below_quarter - raw) & (1 << (fraction_bits + power)):
            result = doubling_high_mul(result, factor)
    return result


def _two_over_one_plus(raw: int) -> int:
    """2 / (1 + x) in Q2.29 for x in [0, 1] in Q0.31, by three Newton-Raphson steps."""
    half_denominator = (raw + ONE_Q0 + 1) >> 1
    x = 1515870810 + doubling_high_mul(half_denominator, -1010580540)  # 48/17 - 32/17 d
    for _ in range(3):
        error = (1 << 29) - doubling_high_mul(half_denominator, x)
        x += saturating_shift_left(doubling_high_mul(x, error), 2)
    return x


def tanh(raw: int, integer_bits: int) -> int:
    """Hyperbolic tangent in Q0.31 for x in Q(integer_bits), integer_bits <= 4."""
    if raw == 0:
        return 0
    exp = exp_on_negative_values(-abs(raw), integer_bits + 1)
    magnitude = saturating_shift_left(_two_over_one_plus(exp) - (1 << 29), 2)
    return magnitude if raw > 0 else -magnitude


def logistic(raw: int, integer_bits: int) -> int:
    """1 / (1 + exp(-x)) in Q0.31 for x in Q(integer_bits), integer_bits <= 5."""
    if raw == 0:
        return 1 << 30
    positive = saturating_shift_left(_two_over_one_plus(exp_on_negative_values(-abs(raw), integer_bits)), 1)
    return positive if raw > 0 else ONE_Q0 - positive
