"""FULLY_CONNECTED against the oracle."""

import numpy as np
import pytest
from support import draw
from support.models import T, single_op
from support.single_op import LONG, QUICK, check_cases, random_cases


def fully_connected(rng: np.random.Generator) -> bytes:
    depth, units, rows = (int(n) for n in rng.integers(1, [40, 24, 4]))
    if not rng.integers(8):
        depth = int(rng.integers(200, 700))
    in_scale, scales = draw.scale(rng), draw.filter_scales(rng, units)
    shape = (units, depth)
    lead, keep = ((1,), False) if rows == 1 else ((1, rows), True)
    inputs = [
        T((*lead, depth), in_scale, draw.zero_point(rng)),
        T(shape, scales, data=draw.weights(rng, shape)),
    ]
    absent = int(rng.integers(4))
    if absent == 1:
        inputs.append(None)
    elif absent:
        bias_scale = float(np.float32(in_scale * scales[0]))
        inputs.append(T((units,), bias_scale, data=draw.bias(rng, units), dtype="int32"))
    out_scale = draw.output_scale(rng, in_scale, scales, depth)
    output = T((*lead, units), out_scale, draw.zero_point(rng))
    return single_op(
        "FULLY_CONNECTED",
        inputs,
        output,
        fusedActivationFunction=draw.activation(rng),
        keepNumDims=keep,
    )


@pytest.mark.parametrize("count", [QUICK, pytest.param(LONG, marks=pytest.mark.long)])
def test_equals_the_oracle(count, kernels, tmp_path):
    check_cases(random_cases(fully_connected, 3, count), tmp_path, kernels)
