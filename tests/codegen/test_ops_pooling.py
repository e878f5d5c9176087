"""AVERAGE_POOL_2D, MAX_POOL_2D and MEAN against the oracle."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from support.damage import check_damaged
from support.models import T, constant
from support.reshaped import Single, single
from support.single_op import LONG, QUICK, Case, check_cases, random_cases, vectors

from nonn_mcu.codegen.geometry import output_size

COUNTS = [QUICK, pytest.param(LONG, marks=pytest.mark.long)]


def draw_pool(kind):
    def draw(rng: np.random.Generator) -> Single:
        padding = str(rng.choice(["SAME", "VALID"]))
        filter_h, filter_w = rng.choice([1, 2, 2, 3, 3, 4, 5, 7, 11], 2).tolist()
        stride_h, stride_w = rng.choice([1, 1, 2, 2, 3, 5], 2).tolist()
        # VALID needs room for one window; under SAME the filter may be larger than the image.
        room_h, room_w = (filter_h - 1, filter_w - 1) if padding == "VALID" else (0, 0)
        in_h, in_w = int(rng.integers(1, 10)) + room_h, int(rng.integers(1, 10)) + room_w
        batch, channels = int(rng.choice([1, 1, 1, 2, 3])), int(rng.integers(1, 10))
        out_h = output_size(padding, in_h, filter_h, stride_h)
        out_w = output_size(padding, in_w, filter_w, stride_w)
        quantization = float(np.float32(10.0 ** rng.uniform(-3, 0.5))), int(rng.integers(-128, 128))
        return single(
            kind,
            [T((batch, in_h, in_w, channels), *quantization)],
            T((batch, out_h, out_w, channels), *quantization),
            padding=getattr(fb.Padding, padding),
            filterHeight=filter_h,
            filterWidth=filter_w,
            strideH=stride_h,
            strideW=stride_w,
            fusedActivationFunction=str(rng.choice(["NONE", "RELU", "RELU6", "RELU_N1_TO_1"])),
        )

    return draw


def mean(source, axes, output, keep_dims=True):
    return single("MEAN", [source, constant(axes)], output, keepDims=keep_dims)


def draw_mean(rng: np.random.Generator) -> Single:
    rank = int(rng.integers(1, 7))
    largest = (0, 400, 24, 10, 7, 5, 4)[rank]
    shape = tuple(int(rng.integers(1, largest + 1)) for _ in range(rank))
    # At least one axis stays where dimensions are dropped: a tensor of rank 0 is refused.
    keep_dims = rank == 1 or bool(rng.integers(2))
    chosen = rng.permutation(rank)[: rng.integers(1, rank + (1 if keep_dims else 0))].tolist()
    axes = [axis - rank if rng.integers(2) else axis for axis in chosen]
    if rng.integers(8) == 0:
        axes.append(axes[0])
    kept = tuple(1 if axis in chosen else size for axis, size in enumerate(shape))
    if not keep_dims:
        kept = tuple(size for axis, size in enumerate(shape) if axis not in chosen)
    in_scale = float(np.float32(10.0 ** rng.uniform(-4, 0)))
    # The same scale gives ties; one that is far off wraps, or clamps the shift.
    spread = float(rng.choice([0, 0, 1, 1, 9]))
    out_scale = float(np.float32(in_scale * 10.0 ** rng.uniform(-spread, spread)))
    in_zero, out_zero = rng.integers(-128, 128, 2).tolist()
    return mean(T(shape, in_scale, in_zero), axes, T(kept, out_scale, out_zero), keep_dims)


DRAWS = {
    "AVERAGE_POOL_2D": draw_pool("AVERAGE_POOL_2D"),
    "MAX_POOL_2D": draw_pool("MAX_POOL_2D"),
    "MEAN": draw_mean,
}

# Shape, axes, input scale / output scale.
MEAN_CORNERS = [
    ((1, 3, 64), [1], 0.875),  # ties, and a multiplier that must be cut off rather than rounded
    ((1, 2, 3, 16), [1, 2], 1.0),
    ((1, 8, 8, 4), [1, 2], 2.0**-31),  # the shift stops at -31
    ((1, 8, 8, 4), [1, 2], 2.0**-34),  # flushed to zero
    ((1, 8, 8, 4), [1, 2], 2.0**30),  # the left shift wraps
    ((1, 1, 1, 4), [1, 2], 2.0**30),
    ((1, 64, 64, 1), [1, 2], 0.9),
    ((1, 3, 4, 5), [0, 1, 2, 3], 1.1),
    ((1, 3, 4, 5), [-1], 1.1),
    ((2, 3, 2, 3, 2), [1, 3], 1.1),  # nothing merges
    ((2, 3, 2, 3, 2), [0, 2, 4], 1.1),
]


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", DRAWS)
def test_equals_the_oracle(kind, count, kernels, tmp_path):
    check_cases(random_cases(lambda rng: DRAWS[kind](rng).model(), 20, count), tmp_path, kernels)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", DRAWS)
def test_damage_is_refused_or_harmless(kind, count, kernels, tmp_path):
    check_damaged(DRAWS[kind], 22, count, tmp_path, kernels)


def test_mean_equals_the_oracle_at_the_corners(kernels, tmp_path):
    cases = []
    for number, (shape, axes, ratio) in enumerate(MEAN_CORNERS):
        kept = tuple(1 if axis in [a % len(shape) for a in axes] else size for axis, size in enumerate(shape))
        model = mean(T(shape, 2.0**-10 * ratio, -3), axes, T(kept, 2.0**-10, 5)).model()
        cases.append(
            Case(model, vectors(np.random.default_rng(number), model, 8), f"{shape}, {axes}, {ratio}")
        )
    check_cases(cases, tmp_path, kernels)
