"""ADD as one linear form: what is found equals the reference for every pair of inputs."""

import numpy as np
import pytest

from nonn_mcu.codegen.fixed_point import requantize
from nonn_mcu.codegen.kernels import Want, add_dsp, add_linear
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.linear_fit import Staircase, linear, sums
from nonn_mcu.codegen.quantize import activation_range, quantize_multiplier

X = np.arange(-128, 128)
WALK = (4, (1, 1), (1,) * 5, ((0,) * 5, (0,) * 5))


def parameters(wide, narrow, output, activation="NONE", subtract=False):
    """Of ``nonn_add``; each tensor is (scale, zero point)."""

    def factor(ratio):
        multiplier, shift = quantize_multiplier(ratio)
        return multiplier, -shift

    low, high = activation_range(activation, *output)
    return {
        "walk": WALK,
        "wide_factor": 1 << 19,
        "narrow_sign": -1 if subtract else 1,
        "wide_zero_point": wide[1],
        "narrow_zero_point": narrow[1],
        "narrow_factor": factor(narrow[0] / (2 * wide[0])),
        "output_zero_point": output[1],
        "output_factor": factor(2 * wide[0] / ((1 << 20) * output[0])),
        "activation_min": low,
        "activation_max": high,
    }


def drawn(seed):
    rng = np.random.default_rng(seed)
    scales = np.sort(rng.uniform(0.01, 0.1, 2))[::-1]
    points = rng.choice([-128, 127, 0, int(rng.integers(-128, 128))], 3)
    output = (float(scales[0] * rng.uniform(0.4, 3)), int(points[2]))
    inputs = ((float(s), int(z)) for s, z in zip(scales, points[:2], strict=True))
    return parameters(*inputs, output, str(rng.choice(["NONE", "RELU"])), bool(rng.integers(2)))


def test_sums_are_the_references():
    for seed in range(10):
        p = drawn(seed)
        table = sums(p)
        for wide, narrow in np.random.default_rng(seed).integers(-128, 128, (50, 2)).tolist():
            y = p["narrow_sign"] * _scaled((narrow - p["narrow_zero_point"]) << 20, p["narrow_factor"])
            total = (wide - p["wide_zero_point"]) * p["wide_factor"] + y
            out = _scaled(total, p["output_factor"]) + p["output_zero_point"]
            assert table[wide + 128, narrow + 128] == min(max(out, p["activation_min"]), p["activation_max"])


def _scaled(x, factor):
    return requantize(x, factor[0], -factor[1])


@pytest.mark.parametrize("seed", range(40))
def test_a_form_is_found_and_equals_every_pair(seed):
    p = drawn(seed)
    form = linear(p)
    assert form is not None
    assert 128 * (abs(form.a) + abs(form.b)) + abs(form.c) < 1 << 31
    out = (form.a * X[:, None] + form.b * X + form.c) >> form.shift
    assert np.array_equal(np.clip(out, p["activation_min"], p["activation_max"]), sums(p))


@pytest.mark.parametrize("seed", range(40))
def test_the_dsp_form_equals_every_pair(seed):
    p = drawn(seed)
    made = add_dsp.adapt(None, Layer("add", p, (0, 1), 2), Want())
    if made is None:
        assert (p["activation_min"], p["activation_max"]) != (-128, 127)
        return
    a, b, c = (made.params[key] for key in ("first_factor", "second_factor", "offset"))
    assert max(abs(a), abs(b)) < 1 << 31
    out = ((a * X[:, None] >> 8) + (b * X >> 8) + c) >> 20
    assert np.array_equal(np.clip(out, -128, 127), sums(p))


@pytest.mark.parametrize(
    "scales", [(1, 1, 1), (1, 1, 2), (1, 0.5, 1), (2, 1, 0.5), (1, 1, 0.01), (1, 1, 100)]
)
def test_ties_and_flat_and_steep_ones(scales):
    wide, narrow, output = scales
    p = parameters((wide, 3), (narrow, -5), (output, 7))
    form = linear(p)
    assert form is not None
    assert Staircase.of(p).equals((form.a * X[:, None] + form.b * X + form.c) >> form.shift)


def test_broadcasting_is_left_to_the_general_kernel():
    p = drawn(0) | {"walk": (4, (1, 0), (3, 1, 1, 1, 1), ((4, 0, 0, 0, 0), (1, 0, 0, 0, 0)))}
    layer = Layer("add", p, (0, 1), 2)
    assert add_linear.adapt(None, layer, Want()) is None
    assert add_dsp.adapt(None, layer, Want()) is None
