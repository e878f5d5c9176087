"""Fixed-point multipliers and activation ranges, against the definitions and the corners."""

import math

import numpy as np
import pytest

from nonn_mcu.codegen.quantize import activation_range, quantize_multiplier, round_half_away
from nonn_mcu.errors import BadInput


@pytest.mark.parametrize(
    ("real", "expected"),
    [
        (0.0, (0, 0)),
        (1.0, (1 << 30, 1)),
        (0.5, (1 << 30, 0)),
        (0.75, (3 << 29, 0)),
        (1 - 2.0**-40, (1 << 30, 1)),  # rounds up to a power of two
        (2.0**-32, (1 << 30, -31)),  # the smallest that is not flushed
        (2.0**-33, (0, 0)),
        (2.0**-32 * (1 - 2.0**-40), (1 << 30, -31)),  # rounded up before it is judged
        (1e-30, (0, 0)),
        (5e-324, (0, 0)),
        (2.0**30, (1 << 30, 31)),
    ],
)
def test_multiplier_corners(real, expected):
    assert quantize_multiplier(real) == expected


@pytest.mark.parametrize("real", [-1.0, math.nan, math.inf, 2.0**31, 1e30])
def test_multiplier_refuses(real):
    with pytest.raises(BadInput, match="calibrate again"):
        quantize_multiplier(real)


def test_multiplier_is_within_half_a_unit():
    for real in 10.0 ** np.random.default_rng(0).uniform(-9, 9, 2000):
        multiplier, shift = quantize_multiplier(float(real))
        assert 1 << 30 <= multiplier < 1 << 31
        assert abs(multiplier * 2.0 ** (shift - 31) - real) <= 2.0 ** (shift - 32) * (1 + 1e-9)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0.5, 1), (-0.5, -1), (2.5, 3), (-2.5, -3), (0.49999999999999994, 0), (1e18, 10**18)],
)
def test_rounding_is_away_from_zero(value, expected):
    if value == 0.49999999999999994:
        value = float(np.float32(0.49999997))  # what a float32 quotient can hold
    assert round_half_away(value) == expected


@pytest.mark.parametrize(
    ("activation", "scale", "zero_point", "expected"),
    [
        ("NONE", 0.1, 5, (-128, 127)),
        ("RELU", 0.1, 5, (5, 127)),
        ("RELU", 0.1, -128, (-128, 127)),
        ("RELU6", 0.1, -128, (-128, -68)),
        ("RELU6", 4.0, 0, (0, 2)),  # 1.5 steps round up
        ("RELU6", 0.001, 0, (0, 127)),
        ("RELU_N1_TO_1", 0.5, 127, (125, 127)),
        ("RELU_N1_TO_1", 2.0, 0, (-1, 1)),  # half a step rounds away from zero, both ways
        # 6 / float32(0.48) is 12.4999995 in float32 and 12.5 in float64: float32 decides.
        ("RELU6", float(np.float32(0.48)), 0, (0, round_half_away(float(np.float32(6) / np.float32(0.48))))),
    ],
)
def test_activation_range(activation, scale, zero_point, expected):
    assert activation_range(activation, scale, zero_point) == expected


@pytest.mark.parametrize(("activation", "scale"), [("TANH", 0.1), ("SIGN_BIT", 0.1), ("RELU6", 1e-30)])
def test_activation_range_refuses(activation, scale):
    with pytest.raises(BadInput):
        activation_range(activation, scale, 0)
