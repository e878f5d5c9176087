"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN against the oracle, and what they refuse."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from support.models import T, constant, single_op
from support.reshaped import wrapped_op
from support.single_op import LONG, QUICK, check_cases, random_cases

from nonn_mcu.codegen import generate
from nonn_mcu.codegen.geometry import output_size
from nonn_mcu.codegen.unsupported import Unsupported

COUNTS = [QUICK, pytest.param(LONG, marks=pytest.mark.long)]
ACTIVATIONS = ["NONE", "RELU", "RELU6", "RELU_N1_TO_1"]


def draw_pool(kind):
    def draw(rng: np.random.Generator) -> bytes:
        padding = str(rng.choice(["SAME", "VALID"]))
        batch = int(rng.choice([1, 1, 1, 2, 3]))
        filter_h, filter_w = rng.choice([1, 2, 2, 3, 3, 4, 5, 7, 11], 2).tolist()
        stride_h, stride_w = rng.choice([1, 1, 2, 2, 3, 5], 2).tolist()
        # VALID needs room for one window; under SAME the filter may be larger than the image.
        in_h, in_w = (
            int(rng.integers(1, 10)) + (size - 1 if padding == "VALID" else 0)
            for size in (filter_h, filter_w)
        )
        channels = int(rng.integers(1, 10))
        out_h = output_size(padding, in_h, filter_h, stride_h)
        out_w = output_size(padding, in_w, filter_w, stride_w)
        scale = float(np.float32(10.0 ** rng.uniform(-3, 0.5)))
        zero_point = int(rng.integers(-128, 128))
        return wrapped_op(
            kind,
            [T((batch, in_h, in_w, channels), scale, zero_point)],
            T((batch, out_h, out_w, channels), scale, zero_point),
            padding=getattr(fb.Padding, padding),
            filterHeight=filter_h,
            filterWidth=filter_w,
            strideH=stride_h,
            strideW=stride_w,
            fusedActivationFunction=str(rng.choice(ACTIVATIONS)),
        )

    return draw


def draw_mean(rng: np.random.Generator) -> bytes:
    rank = int(rng.integers(1, 6))
    largest = (0, 400, 24, 10, 7, 5)[rank]
    shape = tuple(int(rng.integers(1, largest + 1)) for _ in range(rank))
    # At least one axis stays where dimensions are dropped: a tensor of rank 0 is refused.
    keep_dims = rank == 1 or bool(rng.integers(2))
    count = int(rng.integers(1, rank + (1 if keep_dims else 0)))
    chosen = rng.permutation(rank)[:count].tolist()
    axes = [axis - rank if rng.integers(2) else axis for axis in chosen]
    if rng.integers(8) == 0:
        axes.append(axes[0])
    kept = tuple(1 if axis in chosen else size for axis, size in enumerate(shape))
    if not keep_dims:
        kept = tuple(size for axis, size in enumerate(shape) if axis not in chosen)
    in_scale = float(np.float32(10.0 ** rng.uniform(-4, 0)))
    # Mostly near the input's scale; now and then so far off that the shift is clamped or wraps.
    spread = 1.0 if rng.integers(6) else 9.0
    return wrapped_op(
        "MEAN",
        [T(shape, in_scale, int(rng.integers(-128, 128))), constant(axes)],
        T(
            kept,
            float(np.float32(in_scale * 10.0 ** rng.uniform(-spread, spread))),
            int(rng.integers(-128, 128)),
        ),
        keepDims=keep_dims,
    )


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", ["AVERAGE_POOL_2D", "MAX_POOL_2D"])
def test_pooling_equals_the_oracle(kind, count, kernels, tmp_path):
    check_cases(random_cases(draw_pool(kind), 20, count), tmp_path, kernels)


@pytest.mark.parametrize("count", COUNTS)
def test_mean_equals_the_oracle(count, kernels, tmp_path):
    check_cases(random_cases(draw_mean, 21, count), tmp_path, kernels)
