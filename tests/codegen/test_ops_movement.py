"""PAD, PADV2, CONCATENATION, TRANSPOSE, STRIDED_SLICE and RESIZE_NEAREST_NEIGHBOR against the oracle."""

import numpy as np
import pytest
from support.damage import check_damaged
from support.host import compile_models
from support.models import T, constant
from support.reshaped import Single, single
from support.single_op import LONG, QUICK, Case, check_cases, random_cases, vectors

COUNTS = [QUICK, pytest.param(LONG, marks=pytest.mark.long)]


def draw_shape(rng: np.random.Generator, rank: int) -> tuple[int, ...]:
    """A shape of at most a few hundred elements, with dimensions of 1 among the odd and even ones."""
    largest = (0, 200, 15, 9, 6, 4, 3)[rank]
    return tuple(int(rng.integers(1, largest + 1)) for _ in range(rank))


def draw_quantization(rng: np.random.Generator) -> tuple[float, int]:
    return float(np.float32(10.0 ** rng.uniform(-4, 1))), int(rng.integers(-128, 128))


def draw_pad(kind):
    def draw(rng: np.random.Generator) -> Single:
        rank = int(rng.integers(1, 6))
        shape = draw_shape(rng, rank)
        # Most axes stay as they are, in all combinations.
        paddings = rng.integers(0, 4, (rank, 2)) * rng.integers(0, 2, (rank, 1))
        padded = tuple(int(size + sum(pair)) for size, pair in zip(shape, paddings, strict=True))
        quantization = draw_quantization(rng)
        inputs = [T(shape, *quantization), constant(paddings)]
        if kind == "PADV2":
            value = rng.integers(-128, 128, 1, np.int8)
            inputs.append(T((1,), *quantization, data=value))
        return single(kind, inputs, T(padded, *quantization))

    return draw


def draw_concatenation(rng: np.random.Generator) -> Single:
    rank = int(rng.integers(1, 7))
    shape = draw_shape(rng, rank)
    axis = int(rng.integers(rank))
    quantization = draw_quantization(rng)
    inputs = []
    for _ in range(int(rng.integers(1, 11))):
        part = (*shape[:axis], int(rng.integers(1, 6)), *shape[axis + 1 :])
        fixed = inputs and rng.integers(5) == 0
        data = rng.integers(-128, 128, part, np.int8) if fixed else None
        inputs.append(T(part, *quantization, data=data))
    total = sum(tensor.shape[axis] for tensor in inputs)
    return single(
        "CONCATENATION",
        inputs,
        T((*shape[:axis], total, *shape[axis + 1 :]), *quantization),
        axis=axis - rank if rng.integers(2) else axis,
    )


def draw_transpose(rng: np.random.Generator) -> Single:
    rank = int(rng.integers(1, 6))
    shape = draw_shape(rng, rank)
    perm = rng.permutation(rank).tolist()
    quantization = draw_quantization(rng)
    output = T(tuple(shape[axis] for axis in perm), *quantization)
    return single("TRANSPOSE", [T(shape, *quantization), constant(perm)], output)


def draw_axis_slice(rng: np.random.Generator, size: int) -> tuple[int, int, int, range]:
    """Begin, end and stride, often beyond the ends, and what Python makes of them; never empty."""
    while True:
        step = int(rng.choice([1, 1, 2, 3, 7, -1, -1, -2, -3]))
        begin, end = (int(v) for v in rng.integers(-size - 3, size + 4, 2))
        taken = range(size)[begin:end:step]
        if taken:
            return begin, end, step, taken


def draw_strided_slice(rng: np.random.Generator) -> Single:
    rank = int(rng.integers(1, 5))
    shape = draw_shape(rng, rank)
    begins, ends, steps, output = [], [], [], []
    begin_mask = end_mask = shrink_mask = 0
    for axis, size in enumerate(shape):
        begin, end, step, taken = draw_axis_slice(rng, size)
        count = len(taken)
        choice = int(rng.integers(6))
        # The last axis that could remain does: a tensor of rank 0 is refused.
        if choice == 0 and (output or axis < rank - 1):
            begin, step = int(rng.integers(-size, size)), int(rng.integers(1, 3))
            shrink_mask |= 1 << axis
        else:
            begin_mask |= (choice in (1, 3)) << axis
            end_mask |= (choice in (2, 3)) << axis
            first = None if choice in (1, 3) else begin
            stop = None if choice in (2, 3) else end
            count = len(range(size)[first:stop:step])
            output.append(count)
        begins.append(begin)
        ends.append(end)
        steps.append(step)
    quantization = draw_quantization(rng)
    return single(
        "STRIDED_SLICE",
        [T(shape, *quantization), constant(begins), constant(ends), constant(steps)],
        T(tuple(output), *quantization),
        beginMask=begin_mask,
        endMask=end_mask,
        shrinkAxisMask=shrink_mask,
    )


def resize(shape, size, align_corners, half_pixel_centers, quantization=(0.5, 3)):
    return single(
        "RESIZE_NEAREST_NEIGHBOR",
        [T(shape, *quantization), constant(size)],
        T((shape[0], *size, shape[3]), *quantization),
        alignCorners=bool(align_corners),
        halfPixelCenters=bool(half_pixel_centers),
    )


def draw_resize(rng: np.random.Generator) -> Single:
    shape = (int(rng.choice([1, 1, 2])), *(int(v) for v in rng.integers(1, 14, 2)), int(rng.integers(1, 6)))
    size = [int(v) for v in rng.integers(1, 30, 2)]
    if rng.integers(2):
        factor = int(rng.integers(1, 4))
        size = [shape[1] * factor, shape[2] * factor]
    return resize(shape, size, rng.integers(2), rng.integers(2), draw_quantization(rng))


DRAWS = {
    "PAD": draw_pad("PAD"),
    "PADV2": draw_pad("PADV2"),
    "CONCATENATION": draw_concatenation,
    "TRANSPOSE": draw_transpose,
    "STRIDED_SLICE": draw_strided_slice,
    "RESIZE_NEAREST_NEIGHBOR": draw_resize,
}


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", DRAWS)
def test_equals_the_oracle(kind, count, kernels, tmp_path):
    check_cases(random_cases(lambda rng: DRAWS[kind](rng).model(), 30, count), tmp_path, kernels)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("kind", DRAWS)
def test_damage_is_refused_or_harmless(kind, count, kernels, tmp_path):
    check_damaged(DRAWS[kind], 31, count, tmp_path, kernels)


def float_matters(size, target, align_corners, half_pixel_centers):
    """Whether double precision would pick another pixel somewhere."""
    picked = []
    for real in (np.float32, np.float64):
        ends = align_corners and target > 1
        scale = real(size - 1) / real(target - 1) if ends else real(size) / real(target)
        position = (np.arange(target, dtype=real) + real(0.5 * half_pixel_centers)) * scale
        picked.append(np.floor(position.astype(np.float64) + 0.5 * align_corners))
    return (picked[0] != picked[1]).any()


def test_resize_equals_the_oracle_at_the_corners(kernels, tmp_path):
    flags = [(align, half) for align in (False, True) for half in (False, True)]
    pairs = [(1, 1), (1, 5), (5, 1), (2, 13), (13, 2), (3, 7), (7, 3), (8, 16), (300, 5), (5, 300)]
    options = [(size, target, *flag) for size, target in pairs for flag in flags]
    fragile = [
        (i, o, *flag)
        for i in range(1, 64)
        for o in range(1, 64)
        for flag in flags
        if float_matters(i, o, *flag)
    ]
    assert len(fragile) >= 20
    cases = []
    for size, target, align, half in options + fragile[:: len(fragile) // 20]:
        model = resize((1, size, size, 1), [target, target], align, half).model()
        cases.append(
            Case(model, vectors(np.random.default_rng(size), model), f"{size} {target} {align} {half}")
        )
    check_cases(cases, tmp_path, kernels)


def test_beyond_the_oracle(kernels, tmp_path):
    """What the oracle does not take, against NumPy: more than ten inputs, and paddings of int64."""
    rng = np.random.default_rng(0)
    many = single("CONCATENATION", [T((1, 2, n + 1)) for n in range(13)], T((1, 2, 91)), axis=2).model()
    wide = single(
        "PAD", [T((1, 3, 4), 1.0, -7), constant([[0, 0], [1, 2], [3, 0]], "int64")], T((1, 6, 7), 1.0, -7)
    ).model()
    inputs = [[array[3] for array in vectors(rng, model)] for model in (many, wide)]
    made = compile_models([many, wide], tmp_path, kernels).run(list(enumerate(inputs)))
    assert (made[0][0][0] == np.concatenate(inputs[0], axis=1)).all()
    assert (made[1][0][0] == np.pad(inputs[1][0], [(1, 2), (3, 0)], constant_values=-7)).all()
