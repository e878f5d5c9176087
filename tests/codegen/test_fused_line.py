"""Requantisation by one linear function against the reference arithmetic, at every sum there is."""

import numpy as np
import pytest

from nonn_mcu.codegen.fixed_point import requantize
from nonn_mcu.codegen.kernels.fused_line import fit_line
from nonn_mcu.codegen.kernels.sums import folded_bias, product_range
from nonn_mcu.codegen.quantize import quantize_multiplier


def outputs(products, line, channel):
    """What SMMUL and SSAT make of sums of widened weights."""
    scale = (1 << (8 - int(line.halvings[channel]))) * int(line.live[channel])
    sums = products * scale + int(line.start[channel])
    assert np.abs(sums).max() < 1 << 31
    return np.clip(sums * int(line.multiplier[channel]) >> 40, -128, 127)


def rules(*multipliers):
    pairs = [quantize_multiplier(m) for m in multipliers]
    multiplier, shift = zip(*pairs, strict=True)
    return np.array(multiplier), np.array(shift)


@pytest.mark.parametrize("smallest", [1e-6, 1e-4, 1e-2])
@pytest.mark.parametrize("seed", range(3))
def test_every_sum(seed, smallest):
    rng = np.random.default_rng([seed, int(1 / smallest)])
    channels = 6
    rule = rules(*np.exp(rng.uniform(np.log(smallest), np.log(smallest * 30), channels)).tolist())
    filters = rng.integers(-9, 10, (channels, 9)).astype(np.int8)
    bias, offset = rng.integers(-3000, 3000, channels), int(rng.integers(-127, 129))
    line = fit_line(rule, filters, bias, (offset, -128))
    assert line is not None
    low, high = product_range(filters)
    base = folded_bias(filters, bias, offset)
    for c in range(channels):
        total = np.arange(low[c], high[c] + 1) + base[c]
        wanted = [requantize(t, int(rule[0][c]), int(rule[1][c])) - 128 for t in total.tolist()]
        assert np.array_equal(outputs(total - bias[c], line, c), np.clip(wanted, -128, 127))


def test_outputs_on_both_sides_of_the_zero_point_and_wide_sums_are_not_taken():
    one = np.ones((1, 9), np.int8)
    none = np.zeros(1, np.int64)
    assert fit_line(rules(0.01), one, none, (128, -128)) is not None
    assert fit_line(rules(0.01), one, none, (0, 5)) is None
    assert fit_line(rules(2.0), one, none, (128, -128)) is None
    assert fit_line(rules(0.01), one, none + (1 << 31) - 1, (128, -128)) is None


def test_a_channel_of_one_output_has_no_weights():
    rule = rules(1e-9, 1e-9)
    for zero_point in (-128, 5, 127):
        line = fit_line(rule, np.full((2, 9), 3, np.int8), np.array([7, -7]), (128, zero_point))
        assert line is not None
        assert not line.live.any()
        assert set(outputs(np.arange(-993, 1008), line, 0).tolist()) == {zero_point}
