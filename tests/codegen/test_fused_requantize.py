"""Requantisation by searched constants against the reference arithmetic, at every sum there is."""

import numpy as np
import pytest

from nonn_mcu.codegen.fixed_point import requantize
from nonn_mcu.codegen.kernels.fused_requantize import fuse
from nonn_mcu.codegen.quantize import quantize_multiplier


def outputs(total, fused, channel, bias):
    """What SMMLA and SSAT make of sums of scaled weights, and the correction before them."""
    sums = ((total - bias) << int(fused.scale[channel])) + int(fused.start[channel])
    assert np.abs(sums).max() < 1 << 31
    sums = sums + (sums >> 31) * int(fused.correction[channel])
    high = (sums * int(fused.multiplier[channel]) >> 32) + int(fused.addend[channel])
    assert np.abs(high).max() < 1 << 31
    return np.clip(high >> 8, -128, 127)


def reference(total, multiplier, shift, zero_point):
    return max(-128, min(127, requantize(total, multiplier, shift) + zero_point))


@pytest.mark.parametrize("zero_point", [-128, -3, 60, 127])
@pytest.mark.parametrize("seed", range(3))
def test_every_sum(zero_point, seed):
    rng = np.random.default_rng([seed, zero_point + 128])
    channels = 6
    pairs = [quantize_multiplier(float(m)) for m in np.exp(rng.uniform(np.log(1e-4), np.log(0.3), channels))]
    multiplier, shift = (np.array(values) for values in zip(*pairs, strict=True))
    low, high = -rng.integers(100, 9000, channels), rng.integers(100, 9000, channels)
    bias = rng.integers(-3000, 3000, channels)
    fused = fuse(multiplier, shift, (low, high), bias, zero_point)
    assert fused is not None
    assert fused.addend.min() >= -(1 << 15) and fused.addend.max() < 1 << 15
    assert not fused.corrected or zero_point > -128
    for c in range(channels):
        total = np.arange(low[c], high[c] + 1) + bias[c]
        wanted = [reference(t, int(multiplier[c]), int(shift[c]), zero_point) for t in total.tolist()]
        assert np.array_equal(outputs(total, fused, c, int(bias[c])), wanted)


def test_left_shifts_and_sums_of_more_than_32_bits_are_not_taken():
    one = np.array([1 << 30])
    bounds = (np.array([-1000]), np.array([1000]))
    assert fuse(one, np.array([1]), bounds, np.array([0]), 0) is None
    assert fuse(one, np.array([-8]), bounds, np.array([(1 << 31) - 1]), 0) is None


def test_a_channel_of_one_output_needs_no_steps():
    tiny, right = quantize_multiplier(1e-9)
    for zero_point in (-128, 5, 127):
        bounds = (np.array([-1000]), np.array([1000]))
        fused = fuse(np.array([tiny]), np.array([right]), bounds, np.array([7]), zero_point)
        assert fused is not None
        assert set(outputs(np.arange(-993, 1008), fused, 0, 7).tolist()) == {zero_point}
