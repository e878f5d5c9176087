"""The Winograd kernel against the oracle, with every size of a batch, and what is claimed of its memory."""

import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as fb
from support import draw
from support.emulated import compile_models, kernel_objects
from support.models import T, single_op
from support.single_op import random_cases

from nonn_mcu.codegen.kernels import winograd_dsp
from nonn_mcu.codegen.kernels.sums import product_range
from nonn_mcu.codegen.kernels.winograd_dsp import Image
from nonn_mcu.verify import oracle

CASES = 30


def convolution(rng):
    """A layer that the kernel takes; one in two is quantised as a network's would be."""
    channels, units = int(rng.choice([16, 16, 32, 48])), int(rng.choice([2, 6, 16]))
    padding = str(rng.choice(["SAME", "VALID"]))
    pad = 2 if padding == "SAME" else 0
    height, width = (int(n) for n in rng.integers(3, 18, 2))
    in_scale, scales = draw.scale(rng), draw.filter_scales(rng, units)
    source = T((1, height, width, channels), in_scale, draw.zero_point(rng))
    weights = draw.weights(rng, (units, 3, 3, channels))
    bias = rng.integers(-4000, 4001, units, np.int32)
    activation = str(rng.choice(["NONE", "RELU", "RELU6"]))
    relu = activation != "NONE" and rng.integers(2)
    output = T(
        (1, height - 2 + pad, width - 2 + pad, units),
        float(np.float32(in_scale * max(scales) * 74 * 74 * np.sqrt(9 * channels) / rng.uniform(20, 120))),
        -128 if relu else draw.zero_point(rng),
    )
    return single_op(
        "CONV_2D",
        [
            source,
            T(weights.shape, scales, data=weights, axis=0),
            T((units,), float(np.float32(in_scale * scales[0])), data=bias, dtype="int32"),
        ],
        output,
        padding=getattr(fb.Padding, padding), strideH=1, strideW=1, dilationHFactor=1, dilationWFactor=1,
        fusedActivationFunction=activation,
    )  # fmt: skip


@pytest.mark.parametrize("goal", ["balance", "speed"])
def test_outputs_equal_the_oracle(goal, tmp_path, monkeypatch):
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    monkeypatch.setattr(Image, "best_batch", lambda image, room: 4 * (1 + image.tiles % 5))
    monkeypatch.setattr(winograd_dsp, "_is_read_later", lambda graph, layer: layer.params["in_w"] % 3 == 0)
    cases = random_cases(convolution, 3, CASES)
    objects = tmp_path / "objects"
    objects.mkdir()
    kernels = kernel_objects("mps2-an386", objects)
    program = compile_models([case.model for case in cases], tmp_path, "mps2-an386", kernels, goal=goal)
    taken = [made.compiled["dsp"].layers[0].kernel for made in program.generated]
    assert taken.count("winograd_dsp") > CASES // 2
    vectors = range(len(cases[0].inputs[0]))
    runs = [(n, [array[v] for array in case.inputs]) for n, case in enumerate(cases) for v in vectors]
    results = iter(program.run(runs))
    for case in cases:
        (wanted,) = oracle.run(case.model, case.inputs)
        for v in vectors:
            (made,) = next(results)
            assert np.array_equal(made.reshape(wanted[v].shape), wanted[v]), case.about


@pytest.mark.parametrize("seed", range(20))
def test_what_is_halved_stays_within_four_times_the_products(seed):
    rng = np.random.default_rng(seed)
    filters = rng.integers(-127, 128, (3, 3, 4)) * rng.integers(0, 2, (3, 3, 1))
    g = np.array([[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]])
    b = np.array([[1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
    a = np.array([[2, 1, 1, 0], [0, 1, -1, -2]])
    u = np.einsum("iy,yxc,jx->ijc", g, filters, g)
    whole = np.einsum("yi,xj,ijc,ip,jq->yxpqc", a, a, u, b, b).reshape(4, 4, 4, 4)
    inner = np.einsum("yi,xj,ijc,ip,jq->yxpqc", a[:, 1:3], a, u[1:3], b[1:3], b).reshape(4, 4, 4, 4)
    for n, (y, x) in enumerate(np.ndindex(2, 2)):
        wanted = np.zeros_like(whole[n])
        wanted[y : y + 3, x : x + 3] = 4 * filters
        assert np.array_equal(whole[n], wanted)
    assert not (inner % 2).any()
    (low,), (high,) = product_range(filters.reshape(1, -1))
    lowest, highest = product_range(inner.reshape(4, -1))
    assert lowest.min() >= 4 * low and highest.max() <= 4 * high


def random_image(rng, *, apart):
    pad = int(rng.integers(2))
    height, width = (int(n) for n in rng.integers(3, 20, 2))
    in_c, out_c = (int(c) for c in rng.choice([16, 32, 48], 2))
    return Image(
        height,
        width,
        in_c,
        height - 2 + 2 * pad,
        width - 2 + 2 * pad,
        out_c,
        pad,
        pad,
        apart,
        transformed=False,
    )


def pixels(image, first, last):
    """Rows and columns of the output pixels of tiles ``first`` to ``last``, ``last`` excluded."""
    corners = [(2 * (n // image.across), 2 * (n % image.across)) for n in range(first, last)]
    return [
        (y, x)
        for top, left in corners
        for y in range(top, min(top + 2, image.out_h))
        for x in range(left, min(left + 2, image.out_w))
    ]


@pytest.mark.parametrize("seed", range(40))
def test_the_trail_is_the_least_that_is_safe(seed):
    rng = np.random.default_rng(seed)
    image = random_image(rng, apart=False)
    batch = 4 * int(rng.integers(1, 6))
    ends = np.cumsum(image.batches(batch)).tolist()
    least = 0
    for end in ends[:-1]:
        written = max((y * image.out_w + x + 1) * image.out_c for y, x in pixels(image, 0, end))
        needed = min(
            (max(y - image.pad_h, 0) * image.in_w + max(x - image.pad_w, 0)) * image.in_c
            for y, x in pixels(image, end, image.tiles)
        )
        least = max(least, written - needed)
    assert image.trail(batch) == least


@pytest.mark.parametrize("seed", range(40))
def test_tiles_in_the_output_lie_behind_what_their_batch_writes(seed):
    rng = np.random.default_rng(seed)
    image = random_image(rng, apart=True)
    done = 0
    for size in image.batches(4):
        done += size
        written = max((y * image.out_w + x + 1) * image.out_c for y, x in pixels(image, 0, done))
        room = (image.out_h * image.out_w * image.out_c & ~3) - written
        assert size <= 4 or (size - 4) * image.tile_bytes <= room
    assert done == image.tiles
