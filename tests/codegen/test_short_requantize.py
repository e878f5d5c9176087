"""The short forms against the reference arithmetic, at every sum where the output changes and around it."""

import numpy as np
import pytest

from nonn_mcu.codegen.fixed_point import requantize, wrap
from nonn_mcu.codegen.kernels.short_requantize import shorten
from nonn_mcu.codegen.kernels.sums import product_range, sum_range

ROUNDS = 150


def short_form(total, short, channel):
    """What ``firmware/kernels/dsp/requantize_dsp.h`` does, 32 bits at a time."""
    twice = 2 * total
    assert twice == wrap(twice, 32)
    addend = int(short.addend[channel]) + (twice >> 31 if short.away else 0)
    high = wrap(addend + ((twice * int(short.multiplier[channel]) + (1 << 31)) >> 32), 32)
    return max(-128, min(127, high >> int(short.shift[channel])))


def interesting(multiplier, shift, low, high, rng):
    """Sums at and beside every half step of the output, the ends, zero, and some at random."""
    real = multiplier * 2.0 ** (shift - 31)
    steps = np.arange(-300, 301) + 0.5
    near = np.concatenate([np.round(steps / max(real, 1e-9)) + d for d in (-2, -1, 0, 1, 2)])
    sums = np.concatenate([near, rng.integers(low, high + 1, 100), np.arange(-3, 4), [low, high]])
    return np.unique(np.clip(sums, low, high).astype(np.int64)).tolist()


def expected(total, multiplier, shift, zero_point, activation):
    return max(activation[0], min(activation[1], requantize(total, multiplier, shift) + zero_point))


@pytest.mark.parametrize("seed", range(4))
def test_short_form_is_exact_where_it_is_offered(seed):
    rng = np.random.default_rng(seed)
    offered = 0
    for _ in range(ROUNDS):
        multiplier = int(rng.choice([1 << 30, (1 << 31) - 1, rng.integers(1 << 30, 1 << 31)]))
        shift = -int(rng.integers(0, 32))
        bound = int(2 ** rng.uniform(2, 31.5))
        low, high = -bound, int(bound * rng.uniform(0.5, 1))
        zero_point = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)]))
        floor = int(rng.choice([-128, zero_point, max(-128, zero_point - 3)]))
        activation = (floor, int(rng.choice([127, max(floor, 90)])))
        sums = np.array([low]), np.array([high])
        short = shorten(np.array([multiplier]), np.array([shift]), sums, zero_point, activation)
        if short is None:
            continue
        offered += 1
        assert short.clamped == (activation != (-128, 127))
        for total in interesting(multiplier, shift, low, high, rng):
            got = max(activation[0], min(activation[1], short_form(total, short, 0)))
            assert got == expected(total, multiplier, shift, zero_point, activation), (total, short)
    assert offered > ROUNDS // 4


def test_sums_that_do_not_fit_when_doubled_and_left_shifts_are_not_taken():
    def offered(low, high, shift=-8, multiplier=1 << 30):
        sums = np.array([low]), np.array([high])
        return shorten(np.array([multiplier]), np.array([shift]), sums, 0, (-128, 127)) is not None

    assert offered(-(1 << 30), (1 << 30) - 1)
    assert not offered(-(1 << 30) - 1, 5)
    assert not offered(-5, 1 << 30)
    assert not offered(-5, 5, shift=1)
    assert not offered(-5, 5, shift=0)
    assert offered(-5, 5, shift=-31)
    assert offered(-5, 5, shift=0, multiplier=0)


def test_relu_at_the_zero_point_needs_no_correction():
    sums = np.array([-5000]), np.array([5000])
    for activation, zero_point, away in (
        ((-128, 127), -128, False),
        ((-128, 127), 3, True),
        ((3, 127), 3, False),
    ):
        short = shorten(np.array([1 << 30]), np.array([-3]), sums, zero_point, activation)
        assert short is not None and short.away == away


def test_ranges_are_those_of_the_worst_inputs():
    rng = np.random.default_rng(0)
    filters = rng.integers(-127, 128, (5, 40)).astype(np.int8)
    bias = rng.integers(-1000, 1000, 5).astype(np.int32)
    wide = filters.astype(np.int64)
    worst = (np.where(wide > 0, 127, -128), np.where(wide > 0, -128, 127))
    low, high = product_range(filters)
    assert (high == (wide * worst[0]).sum(axis=1)).all() and (low == (wide * worst[1]).sum(axis=1)).all()
    low, high = sum_range(filters, bias, 7)
    assert (high == (wide * (worst[0] + 7)).sum(axis=1) + bias).all()
    assert (low == (wide * (worst[1] + 7)).sum(axis=1) + bias).all()
