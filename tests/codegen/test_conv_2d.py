"""CONV_2D and DEPTHWISE_CONV_2D against the oracle."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from support import draw
from support.models import T, single_op
from support.single_op import LONG, QUICK, check_cases, random_cases

from nonn_mcu.codegen.geometry import output_size


def convolution(
    rng: np.random.Generator, kind: str, in_c: int, weights_shape: tuple[int, ...], axis: int, **options: int
) -> bytes:
    out_c, (kernel_h, kernel_w) = weights_shape[axis], weights_shape[1:3]
    padding = str(rng.choice(["SAME", "VALID"]))
    strides = rng.integers(1, 4, 2).tolist()
    dilations = rng.choice([1, 1, 1, 2, 3], 2).tolist()
    sizes, outs = [], []
    for taps, stride, dilation in zip((kernel_h, kernel_w), strides, dilations, strict=True):
        least = 1 if padding == "SAME" else (taps - 1) * dilation + 1
        sizes.append(least + int(rng.integers(10)))
        outs.append(output_size(padding, sizes[-1], taps, stride, dilation))
    in_scale, scales = draw.scale(rng), draw.filter_scales(rng, out_c)
    weights = draw.weights(rng, weights_shape)
    inputs = [
        T((1, *sizes, in_c), in_scale, draw.zero_point(rng)),
        T(weights.shape, scales, data=weights, axis=axis),
    ]
    if rng.integers(4):
        inputs.append(T((out_c,), in_scale * scales[0], data=draw.bias(rng, out_c), dtype="int32"))
    out_scale = draw.output_scale(rng, in_scale, scales, weights.size // out_c)
    return single_op(
        kind,
        inputs,
        T((1, *outs, out_c), out_scale, draw.zero_point(rng)),
        padding=getattr(fb.Padding, padding),
        strideH=strides[0],
        strideW=strides[1],
        dilationHFactor=dilations[0],
        dilationWFactor=dilations[1],
        fusedActivationFunction=draw.activation(rng),
        **options,
    )


def conv_2d(rng: np.random.Generator) -> bytes:
    groups = int(rng.choice([1, 1, 1, 2, 3]))
    kernel_h, kernel_w, kernel_c, per_group = (int(n) for n in rng.integers(1, [5, 5, 9, 9]))
    shape = (groups * per_group, kernel_h, kernel_w, kernel_c)
    return convolution(rng, "CONV_2D", kernel_c * groups, shape, axis=0)


def depthwise_conv_2d(rng: np.random.Generator) -> bytes:
    kernel_h, kernel_w, in_c, multiplier = (int(n) for n in rng.integers(1, [5, 5, 9, 4]))
    shape = (1, kernel_h, kernel_w, in_c * multiplier)
    return convolution(rng, "DEPTHWISE_CONV_2D", in_c, shape, axis=3, depthMultiplier=multiplier)


@pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=pytest.mark.long)])
@pytest.mark.parametrize(("make", "seed"), [(conv_2d, 1), (depthwise_conv_2d, 2)])
def test_equals_the_oracle(make, seed, count, kernels, tmp_path):
    check_cases(random_cases(make, seed, count), tmp_path, kernels)
