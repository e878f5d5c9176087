"""Where the last bit decides: sums at the boundary between two outputs, activation bounds at half a step.

Random cases meet these too rarely to tell float32 from float64, or one rounding from another.
"""

import numpy as np
import pytest
from support.models import T, single_op
from support.single_op import Case, check_cases

from nonn_mcu.codegen.quantize import round_half_away

KINDS = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")
UNITS = 64


def bias_only(kind, in_scale, scales, out_scale, bias, **options):
    """A layer whose weights are zero, so that its sums are its bias."""
    units = len(bias)
    shape = {
        "CONV_2D": (units, 1, 1, 1),
        "DEPTHWISE_CONV_2D": (1, 1, 1, units),
        "FULLY_CONNECTED": (units, 1),
    }[kind]
    if kind == "DEPTHWISE_CONV_2D":
        options["depthMultiplier"] = units
    rank = len(shape)
    weights = T(shape, scales, data=np.zeros(shape, np.int8), axis=shape.index(units))
    if kind != "FULLY_CONNECTED":
        options |= {"padding": 1, "strideH": 1, "strideW": 1}
    operands = [
        T((1,) * rank, in_scale),
        weights,
        T((units,), in_scale * scales[0], data=bias, dtype="int32"),
    ]
    model = single_op(kind, operands, T((*(1,) * (rank - 1), units), out_scale), **options)
    return Case(model, [np.zeros((1,) * rank, np.int8)], f"{kind} {in_scale} {scales[0]} {out_scale}")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("per_channel", [False, True])
def test_sums_at_a_boundary(kind, per_channel, kernels, tmp_path):
    rng = np.random.default_rng(KINDS.index(kind))
    cases = []
    for _ in range(20):
        in_scale = float(np.float32(10.0 ** rng.uniform(-3, 0)))
        scales = np.float32(10.0 ** rng.uniform(-4, -1, UNITS if per_channel else 1)).tolist()
        out_scale = float(np.float32(in_scale * max(scales) * 10.0 ** rng.uniform(5.5, 6.5)))
        steps = rng.integers(-126, 126, UNITS) + 0.5
        sums = np.round(steps * out_scale / (in_scale * np.array(scales))) + rng.integers(-3, 4, UNITS)
        bias = np.clip(sums, -(2**31) + 1, 2**31 - 1).astype(np.int32)
        cases.append(bias_only(kind, in_scale, scales, out_scale, bias))
    check_cases(cases, tmp_path, kernels)


def test_activation_bounds_at_half_a_step(kernels, tmp_path):
    cases = []
    for bound, activation in ((6.0, "RELU6"), (1.0, "RELU_N1_TO_1")):
        for step in range(1, 120):
            scale = np.float32(bound / (step + 0.5))
            for candidate in (np.nextafter(scale, np.float32(0)), scale, np.nextafter(scale, np.float32(9))):
                in_float32 = round_half_away(float(np.float32(bound) / candidate))
                if in_float32 != round_half_away(bound / float(candidate)):
                    bias = np.array([1 << 20, -(1 << 20)], np.int32)
                    cases.append(
                        bias_only(
                            "CONV_2D", 1.0, [1.0], float(candidate), bias, fusedActivationFunction=activation
                        )
                    )
    assert len(cases) > 50
    check_cases(cases[::3], tmp_path, kernels)
