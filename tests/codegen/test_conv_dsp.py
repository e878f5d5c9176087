"""How weights are packed for the DSP extension, and how far output may overlap the input there."""

import numpy as np
import pytest

from nonn_mcu.codegen.kernels.conv_dsp import trail
from nonn_mcu.codegen.kernels.pack_pairs import GROUP, grouped, in_pairs, pack


def smlad(words, pairs):
    """Sum over the pairs of taps of both halves' products, wrapped to 32 bits."""
    low = (words & 0xFFFF).astype(np.uint16).view(np.int16).astype(np.int64)
    high = (words >> 16).astype(np.uint16).view(np.int16).astype(np.int64)
    total = int((low * pairs[:, 0] + high * pairs[:, 1]).sum())
    return (total + (1 << 31)) % (1 << 32) - (1 << 31)


def sxtb16(words):
    low = (words & 0xFF).astype(np.uint8).view(np.int8).astype(np.int64)
    high = (words >> 16 & 0xFF).astype(np.uint8).view(np.int8).astype(np.int64)
    return ((low & 0xFFFF) | (high & 0xFFFF) << 16).astype(np.uint32)


def wrapped(value):
    return (value + (1 << 31)) % (1 << 32) - (1 << 31)


@pytest.mark.parametrize("run", range(1, 12))
@pytest.mark.parametrize("runs", [1, 3])
def test_two_filters_come_out_of_one_word(run, runs):
    rng = np.random.default_rng([run, runs])
    filters = rng.integers(-127, 128, (6, runs * run)).astype(np.int8)
    words = pack(in_pairs(filters, runs), whole=True)
    assert words is not None and words.shape == (2, runs * ((run + 1) // 2), 2)
    for fill in (None, -128, 127):
        taps = rng.integers(-128, 128, (1, runs * run)) if fill is None else np.full((1, runs * run), fill)
        pairs = in_pairs(taps.astype(np.int8), runs)[0].astype(np.int64)
        sums = []
        for group in range(2):
            for two in range(2):
                both = smlad(words[group, :, two], pairs)
                second = smlad(sxtb16(words[group, :, two]), pairs)
                sums += [wrapped(both - second) >> 8, second]
        wanted = (filters.astype(np.int64) * taps).sum(axis=1)
        assert sums[:6] == wanted.tolist() and not any(sums[6:])


def test_what_does_not_fit_is_not_packed():
    filters = np.array([[-128], [-1]], np.int8)
    assert pack(in_pairs(filters, 1), whole=True) is None
    assert pack(in_pairs(filters[::-1], 1), whole=True) is not None
    long = np.full((2, 520), 127, np.int8)
    assert pack(in_pairs(long[:, :512], 1), whole=True) is not None
    assert pack(in_pairs(long, 1), whole=True) is None
    assert pack(in_pairs(long, 1), whole=False) is not None
    long[0] = 1  # the second of two filters has all 32 bits
    assert pack(in_pairs(long, 1), whole=True) is not None


def test_the_last_group_is_filled_up():
    assert grouped(np.arange(5)).tolist() == [[0, 1, 2, 3], [4, 0, 0, 0]]
    assert grouped(np.zeros((8, 3))).shape == (2, GROUP, 3)


def inside(size, axis, position):
    """Where the taps of a window touch the image along one axis."""
    origin = position * size[f"stride_{axis}"] - size[f"pad_{axis}"]
    taps = (origin + k * size[f"dilation_{axis}"] for k in range(size[f"kernel_{axis}"]))
    return [at for at in taps if 0 <= at < size[f"in_{axis}"]]


def by_hand(size, pixels):
    """Output bytes written less the lowest input byte of any later window, tap by tap."""
    lowest = []
    for y in range(size["out_h"]):
        for x in range(size["out_w"]):
            taps = [(iy, ix) for iy in inside(size, "h", y) for ix in inside(size, "w", x)]
            lowest.append(min(((iy * size["in_w"] + ix) * size["in_c"] for iy, ix in taps), default=1 << 40))
    starts = range(pixels, len(lowest), pixels)
    return max([0, *(start * size["out_c"] - min(lowest[start:]) for start in starts)])


@pytest.mark.parametrize("seed", range(60))
def test_trail_is_what_replaying_the_taps_gives(seed):
    rng = np.random.default_rng(seed)
    size = {key: int(rng.integers(1, 9)) for key in ("in_h", "in_w", "in_c", "out_c")}
    size |= {key: int(rng.integers(1, 4)) for key in ("kernel_h", "kernel_w", "stride_h", "stride_w")}
    size |= {key: int(rng.integers(1, 3)) for key in ("dilation_h", "dilation_w")}
    for axis in "hw":
        size[f"pad_{axis}"] = int(rng.integers(0, size[f"kernel_{axis}"]))
        size[f"out_{axis}"] = int(rng.integers(1, 1 + -(-size[f"in_{axis}"] // size[f"stride_{axis}"])))
    assert trail(size, 3) == by_hand(size, 3)
