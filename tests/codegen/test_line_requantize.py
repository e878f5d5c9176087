"""The straight line against the reference arithmetic, at every sum where the output changes and around it."""

import numpy as np
import pytest

from nonn_mcu.codegen.fixed_point import requantize, wrap
from nonn_mcu.codegen.kernels.line_requantize import straighten

ROUNDS = 60
FORMS = ((8, 12), (0, 4), (1, 5))  # as the kernels have them


def on_the_line(products, line, form):
    """What the kernels do for the first channel, 32 bits at a time."""
    scaled = (products << form[0]) + int(line.start[0])
    assert scaled == wrap(scaled, 32)
    high = wrap((scaled * int(line.multiplier[0]) >> 32) + int(line.addend[0]), 32)
    return max(-128, min(127, high >> form[1]))


def interesting(real, low, high, bias, rng):
    """Sums of products at and beside every half step of the output, the ends, zero, and some at random."""
    steps = np.arange(-3, 270) + 0.5
    near = np.concatenate([np.round(steps / max(real, 1e-9)) - bias + d for d in (-2, -1, 0, 1, 2)])
    sums = np.concatenate([near, rng.integers(low, high + 1, 100), np.arange(-3, 4), [low, high]])
    return np.unique(np.clip(sums, low, high).astype(np.int64)).tolist()


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("form", FORMS)
def test_the_line_is_exact_where_it_is_offered(form, seed):
    rng = np.random.default_rng(seed)
    offered = 0
    for _ in range(ROUNDS):
        multiplier = int(rng.choice([1 << 30, (1 << 31) - 1, rng.integers(1 << 30, 1 << 31)]))
        shift = -int(rng.choice([0, rng.integers(0, 32), *rng.integers(6, 12, 4)]))
        high = int(2 ** rng.uniform(4, 23))
        low = -int(high * rng.uniform(0.5, 1))
        bias = int(rng.integers(-high, high + 1) * rng.choice([0, 0.1, 1, 1 << 8]))
        zero_point = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)]))
        activation = zero_point, int(rng.choice([127, max(zero_point, 90)]))
        products = np.array([low]), np.array([high])
        rule = np.array([multiplier]), np.array([shift])
        line = straighten(rule, products, np.array([bias]), (zero_point, *activation), form)
        if line is None:
            continue
        offered += 1
        for total in interesting(multiplier * 2.0 ** (shift - 31), low, high, bias, rng):
            wanted = requantize(total + bias, multiplier, shift) + zero_point
            got = on_the_line(total, line, form)
            assert np.clip(got, *activation) == np.clip(wanted, *activation), (total, bias, rule, line)
    assert offered > ROUNDS // 4


def test_what_is_not_clamped_at_the_zero_point_is_no_line():
    def offered(floor, shift=-8, high=5000, bias=0):
        rule = np.array([1 << 30]), np.array([shift])
        products = np.array([-5000]), np.array([high])
        return straighten(rule, products, np.array([bias]), (-3, floor, 127), (8, 12)) is not None

    assert offered(-3) and offered(4)
    assert not offered(-4)
    assert not offered(-3, shift=1)
    assert not offered(-3, shift=-1)  # its multiplier would not fit
    assert not offered(-3, high=1 << 24)
    assert offered(-3, bias=1 << 30)  # always 127


def test_a_dead_channel_beside_others_has_its_one_output():
    rule = np.array([1 << 30, 0, 1 << 30]), np.array([-8, 0, -31])
    products = np.full(3, -900), np.full(3, 900)
    line = straighten(rule, products, np.array([5, 1 << 30, 1 << 30]), (-128, -128, 127), (8, 12))
    assert line is not None and line.multiplier[1:].tolist() == [0, 0]
    assert (line.addend >> 12).tolist()[1:] == [-128, requantize(1 << 30, 1 << 30, -31) - 128]
