"""Depthwise convolution of single pixels as lines: what is found equals the reference for every input."""

import numpy as np
import pytest
from support.layers import scale
from support.single_op import check_cases, random_cases

from nonn_mcu.codegen.fixed_point import requantize, wrap
from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want, scale_dsp, scale_helium, scale_linear
from nonn_mcu.codegen.kernels.scale_fit import lines, outputs, pixels
from nonn_mcu.codegen.layer import Layer, Table
from nonn_mcu.codegen.quantize import quantize_multiplier

X = np.arange(-128, 128)
GRAPH = Graph((), (), (), ())


def parameters(weights, bias, scales, offsets=(0, -128), limits=(-128, 127)):
    """Of ``nonn_depthwise_conv_2d``: one row of three pixels; a scale for each channel."""
    pairs = [quantize_multiplier(real) for real in scales]
    ones = ("depth_multiplier", "kernel_h", "kernel_w", "stride_h", "stride_w", "dilation_h", "dilation_w")
    return {
        **dict.fromkeys(ones, 1),
        **{"in_h": 1, "in_w": 3, "in_c": len(weights), "out_h": 1, "out_w": 3, "pad_h": 0, "pad_w": 0},
        "input_offset": offsets[0],
        "output_offset": offsets[1],
        "activation_min": limits[0],
        "activation_max": limits[1],
        "weights": Table("int8_t", np.array(weights, np.int8).reshape(1, 1, 1, -1)),
        "bias": None if bias is None else Table("int32_t", np.array(bias, np.int32)),
        "multiplier": Table("int32_t", np.array([m for m, _ in pairs], np.int32)),
        "shift": Table("int8_t", np.array([s for _, s in pairs], np.int8)),
    }


def drawn(seed, channels=24, zero_point=-128, limits=(-128, 127)):
    """As a trained batch normalisation has them: slopes to either side, everything within reach."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-127, 128, channels)
    scales = rng.uniform(0.3, 3, channels) / 127
    bias = rng.integers(-15000, 15000, channels)
    return parameters(weights, bias, scales.tolist(), (int(rng.integers(-127, 129)), zero_point), limits)


def adapted(module, params):
    return module.adapt(GRAPH, Layer("depthwise_conv_2d", params, (0,), 1, macs=3), Want())


@pytest.mark.parametrize("seed", range(4))
def test_outputs_are_the_references(seed):
    rng = np.random.default_rng(seed)
    scales = (10.0 ** rng.uniform(-9, 3, 12)).tolist()
    p = parameters(
        rng.integers(-127, 128, 12), rng.integers(-(1 << 20), 1 << 20, 12), scales, (-7, 30), (-100, 90)
    )
    made = outputs(p)
    rule = [p[key].values.reshape(-1).tolist() for key in ("weights", "bias", "multiplier", "shift")]
    for channel, (weight, bias, multiplier, shift) in enumerate(zip(*rule, strict=True)):
        for x in X.tolist():
            out = wrap(requantize(weight * (x - 7) + bias, multiplier, shift) + 30, 32)
            assert made[channel, x + 128] == min(max(out, -100), 90)


@pytest.mark.parametrize("limits", [(-128, 127), (-128, 60)])
@pytest.mark.parametrize("seed", range(10))
def test_every_input(seed, limits):
    p = drawn(seed, limits=limits)
    wanted = outputs(p)
    for dropped in (0, 8):
        found = lines(p, dropped)
        assert found is not None
        sums = (found[:, :1] * X >> dropped) + found[:, 1:]
        assert np.abs(found[:, 0]).max() < 1 << 31 and np.abs(sums).max() < (1 << 31) - (1 << 24)
        assert np.array_equal(np.clip(sums >> 16, *limits), wanted)


def test_the_tables_of_all_kernels_give_the_same():
    p = drawn(1, channels=12)
    wanted = outputs(p)
    plain = adapted(scale_linear, p).params["weights"].values.astype(np.int64)
    assert np.array_equal(np.clip(plain[:, :1] * X + plain[:, 1:] >> 16, -128, 127), wanted)
    fours = adapted(scale_dsp, p).params["weights"].values.reshape(3, 2, 4).astype(np.int64)
    factors, starts = (fours[:, k].reshape(-1, 1) for k in range(2))
    assert np.array_equal(np.clip((factors * X >> 8) + starts >> 16, 0, 255) - 128, wanted)
    eights = adapted(scale_helium, p).params["weights"].values.reshape(2, 2, 2, 4).astype(np.int64)
    factors, starts = (eights[:, k].transpose(0, 2, 1).reshape(-1, 1) for k in range(2))
    out = np.clip(factors * X + starts + (1 << 15) >> 16, -128, 127)
    assert np.array_equal(out[:12], wanted) and not eights[1].transpose(2, 1, 0)[2:, :, 0].any()


def test_channels_that_never_change():
    tiny = [1e-9, 1e-9, 0.01, 2.0**20]
    p = parameters([127, -127, 0, 0], [1 << 30, -(1 << 30), 100000, 1], tiny, limits=(-128, 100))
    wanted = outputs(p)
    assert (wanted == wanted[:, :1]).all() and set(wanted[:, 0].tolist()) == {-128, -127, 100}
    found = lines(p)
    assert found is not None and not found[:, 0].any()
    assert np.array_equal(np.clip(found[:, 1] >> 16, -128, 100), wanted[:, 0])


def test_where_no_line_is():
    """Ties away from zero that move steps apart; a line beyond 32 bits; a left shift that wraps."""
    assert lines(parameters([-31], None, [1212443102 / 2**37], (65, 0))) is None
    assert lines(parameters([127], [3], [3.0], (127, 0))) is None
    assert lines(parameters([100], [3], [2.0**25], (5, 0))) is None


@pytest.mark.parametrize(
    "other",
    [{"kernel_h": 2}, {"stride_w": 2}, {"depth_multiplier": 2}, {"pad_w": 1, "out_w": 5}, {"out_h": 2}],
)
def test_what_is_more_than_scaling_is_left_to_others(other):
    p = drawn(0)
    assert pixels(p) == 3
    for module in (scale_linear, scale_dsp, scale_helium):
        assert adapted(module, p) is not None
        assert adapted(module, p | other) is None


def test_the_dsp_takes_fours_that_saturate():
    assert adapted(scale_dsp, drawn(0, channels=6)) is None
    assert adapted(scale_dsp, drawn(0, limits=(-128, 60))) is None
    assert adapted(scale_linear, drawn(0, channels=6, limits=(-128, 60))) is not None


def test_in_plain_c(kernels, tmp_path):
    check_cases(random_cases(scale, 7, 30), tmp_path, kernels)
