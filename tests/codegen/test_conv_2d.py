"""CONV_2D against the oracle."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from support.models import T, single_op
from support.single_op import LONG, QUICK, check_cases, random_cases

from nonn_mcu.codegen.geometry import output_size


def draw(rng: np.random.Generator) -> bytes:
    padding = str(rng.choice(["SAME", "VALID"]))
    stride_h, stride_w = rng.integers(1, 4, 2).tolist()
    dilation_h, dilation_w = rng.choice([1, 1, 1, 2, 3], 2).tolist()
    kernel_h, kernel_w = rng.integers(1, 5, 2).tolist()
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    kernel_c, per_group = rng.integers(1, 9, 2).tolist()
    out_c = groups * per_group
    in_h, in_w = (
        int(rng.integers(1, 10)) + (0 if padding == "SAME" else (kernel - 1) * dilation)
        for kernel, dilation in ((kernel_h, dilation_h), (kernel_w, dilation_w))
    )
    out_h = output_size(padding, in_h, kernel_h, stride_h, dilation_h)
    out_w = output_size(padding, in_w, kernel_w, stride_w, dilation_w)
    per_channel = bool(rng.integers(2))
    in_scale = float(np.float32(10.0 ** rng.uniform(-3, 0)))
    scales = [float(np.float32(10.0 ** rng.uniform(-4, -1))) for _ in range(out_c if per_channel else 1)]
    taps = kernel_h * kernel_w * kernel_c
    # From saturating everywhere to using few steps of the output.
    out_scale = float(np.float32(in_scale * scales[0] * np.sqrt(taps) * 10.0 ** rng.uniform(0, 3)))
    weights = rng.integers(-127, 128, (out_c, kernel_h, kernel_w, kernel_c), np.int8)
    bias = rng.integers(-(10 ** rng.integers(1, 9)), 10 ** rng.integers(1, 9), out_c, np.int32)
    inputs = [
        T((1, in_h, in_w, kernel_c * groups), in_scale, int(rng.integers(-128, 128))),
        T(weights.shape, scales if per_channel else scales[0], data=weights),
    ]
    if rng.integers(4):
        inputs.append(T((out_c,), in_scale * scales[0], data=bias, dtype="int32"))
    return single_op(
        "CONV_2D",
        inputs,
        T((1, out_h, out_w, out_c), out_scale, int(rng.integers(-128, 128))),
        padding=getattr(fb.Padding, padding),
        strideH=stride_h,
        strideW=stride_w,
        dilationHFactor=dilation_h,
        dilationWFactor=dilation_w,
        fusedActivationFunction=str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])),
    )


@pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=pytest.mark.long)])
def test_equals_the_oracle(count, kernels, tmp_path):
    check_cases(random_cases(draw, 2, count), tmp_path, kernels)
