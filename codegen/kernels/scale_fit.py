"""A depthwise convolution of single pixels as one straight line for each channel of int8 inputs.

A batch normalisation that follows no convolution becomes such a layer, mostly with a ReLU. What the reference
makes of a channel's input x is a table of 256 outputs t. A line gives the same where

    t <= slope * x + start < t + 1

for all of them, one half of it where t is a bound of the activation. For a given slope these are bounds on
the start; the room between them is a concave function of the slope, since each bound is a line. So its
greatest is found by nested intervals, for all channels at once, and the integers lie next to it. What is
returned is proved: computed for all inputs as the kernel computes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from nonn_mcu.codegen.fixed_point import scaled
from nonn_mcu.codegen.layer import Value
from nonn_mcu.codegen.quantize import INT32_MAX, INT32_MIN

_SHIFT = 16  # NONN_SCALE_LINEAR_SHIFT; the others shift as far
_STEPS = 45  # of the nested intervals, each two thirds of the one before
_STEEPEST = 512.0  # beyond any slope of which a product fits
_NEAREST = 4  # factors tried on either side of the best slope
_SPARE = 1 << 24  # what kernels may add to a line without leaving 32 bits

_X = np.arange(-128, 128, dtype=np.int64)


def pixels(params: Mapping[str, Value]) -> int | None:
    """Return how many pixels ``nonn_depthwise_conv_2d`` scales with these parameters; None: it does more."""
    p: Mapping[str, Any] = params
    ones = ("depth_multiplier", "kernel_h", "kernel_w", "stride_h", "stride_w")
    alone = all(p[key] == 1 for key in ones) and p["pad_h"] == p["pad_w"] == 0
    same = (p["in_h"], p["in_w"]) == (p["out_h"], p["out_w"])
    return int(p["in_h"] * p["in_w"]) if alone and same else None


def outputs(params: Mapping[str, Value]) -> np.ndarray:
    """Return what the reference makes of every input: (channels, 256), [channel][x + 128]."""
    p: Mapping[str, Any] = params
    weights, multiplier, shift = (
        p[key].values.astype(np.int64).reshape(-1, 1) for key in ("weights", "multiplier", "shift")
    )
    bias = 0 if p["bias"] is None else p["bias"].values.astype(np.int64).reshape(-1, 1)
    sums = _wrapped(weights * (_X + p["input_offset"]) + bias << np.maximum(shift, 0))
    found = scaled(sums, multiplier, np.maximum(-shift, 0))
    return np.clip(_wrapped(found + p["output_offset"]), p["activation_min"], p["activation_max"])


def lines(params: Mapping[str, Value], dropped: int = 0) -> np.ndarray | None:
    """Return (factor, start) of each channel, int64 (channels, 2), or None where a channel has none.

    ``clamp(((factor * x >> dropped) + start) >> 16)`` is the output for every input x. Factors fit 32 bits;
    so does what is shifted at last, with 2^24 to spare.
    """
    p: Mapping[str, Any] = params
    low, high = int(p["activation_min"]), int(p["activation_max"])
    wanted = outputs(params)
    rising, falling = wanted > low, wanted < high  # inputs that bound the start from below and from above
    constant = (wanted == wanted[:, :1]).all(axis=1)
    slope = _slopes(params, wanted, rising, falling)
    nearest = np.where(constant, 0, np.rint(np.ldexp(slope, _SHIFT + dropped))).astype(np.int64)
    found, line = np.zeros(len(wanted), bool), np.zeros((len(wanted), 2), np.int64)
    for more in sorted(range(-_NEAREST, _NEAREST + 1), key=abs):
        factor = nearest + more
        products = factor[:, None] * _X >> dropped
        least = np.where(rising, (wanted << _SHIFT) - products, -(1 << 40)).max(axis=1)
        most = np.where(falling, (wanted + 1 << _SHIFT) - 1 - products, 1 << 40).min(axis=1)
        start = np.where(constant, (wanted[:, 0] << _SHIFT) + (1 << _SHIFT >> 1), (least + most) // 2)
        sums = products + start[:, None]
        good = (np.clip(sums >> _SHIFT, low, high) == wanted).all(axis=1)
        good &= (abs(factor) <= INT32_MAX) & (abs(sums) <= INT32_MAX - _SPARE).all(axis=1)
        good &= abs(start) <= INT32_MAX - _SPARE
        fresh = good & ~found
        line[fresh] = np.stack([factor, start], axis=1)[fresh]
        found |= good
    return line if found.all() else None


def _slopes(
    params: Mapping[str, Value], wanted: np.ndarray, rising: np.ndarray, falling: np.ndarray
) -> np.ndarray:
    """Give the slope of most room for each channel, near that of the scales."""
    p: Mapping[str, Any] = params
    real = np.ldexp(p["multiplier"].values.astype(float), p["shift"].values.astype(int) - 31)
    centre = np.clip(real * p["weights"].values.reshape(-1), -_STEEPEST, _STEEPEST)
    reach = (1 + abs(centre)) / 4
    first, last = centre - reach, centre + reach

    def room(slope: np.ndarray) -> np.ndarray:
        above = wanted - slope[:, None] * _X
        least = np.where(rising, above, -np.inf).max(axis=1)
        return np.where(falling, above + 1, np.inf).min(axis=1) - least

    for _ in range(_STEPS):
        third = (last - first) / 3
        left = room(first + third) < room(last - third)
        first, last = np.where(left, first + third, first), np.where(left, last, last - third)
    return (first + last) / 2


def _wrapped(values: np.ndarray) -> np.ndarray:
    """Two's complement in 32 bits."""
    return ((values - INT32_MIN) & 0xFFFFFFFF) + INT32_MIN
