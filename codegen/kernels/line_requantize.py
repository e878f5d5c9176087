"""Requantisation as one straight line, for layers that clamp everything below the zero point.

Above the zero point the reference's output, as a function of the sum, is a line that is rounded twice, always
up at ties: a staircase whose first sum of output k is an affine function of k, rounded up. A kernel that has
2^scale times the sum of products, and may add a constant to it, computes instead

    saturate8(((2^scale * products + start) * multiplier >> 32) + addend >> fraction)

by SMMLA and SSAT. This is k or more exactly where

    2^scale * a * multiplier + u >= k * 2^(fraction + 32)
    with u = (start - 2^scale * bias) * multiplier + addend * 2^32

with the sum a, bias included. So for a given multiplier each output k bounds u from below, by its first sum,
and from above, by the sum before that. Whatever u is within all bounds of the outputs that the layer's sums
can reach is exact: what is found is proved. The C side is ``firmware/kernels/dsp/requantize.h``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.quantize import INT32_MAX, INT32_MIN

_SLOPES = 4  # multipliers tried on either side of the nearest
_REACH = 256  # addends tried on either side of the nearest
_LEAST, _MOST = INT32_MIN << 32, INT32_MAX << 32  # bounds where there is none


@dataclass(frozen=True, eq=False)
class Line:
    """Constants for each channel, int32."""

    start: np.ndarray
    multiplier: np.ndarray
    addend: np.ndarray


def straighten(
    rule: tuple[np.ndarray, np.ndarray],
    products: tuple[np.ndarray, np.ndarray],
    bias: np.ndarray,
    output: tuple[int, int, int],
    form: tuple[int, int],
) -> Line | None:
    """Give the constants of the straight line, or None where a channel has none.

    ``rule`` are the portable kernel's multipliers and shifts, ``products`` the least and greatest sums of
    products for each channel (product_range()), ``bias`` what is added to them (folded_bias()), ``output``
    the zero point and the activation's range, to which the kernel clamps if it is not the whole of int8,
    ``form`` is scale and fraction.
    """
    offset, lowest, highest = output
    scale, fraction = form
    m, shift = (np.broadcast_to(part, bias.shape).astype(np.int64)[:, None] for part in rule)
    low, high = ((bias + end)[:, None] for end in products)
    spread = np.maximum(-products[0], products[1]) << scale
    if lowest < offset or np.any(shift > 0) or np.any(low < INT32_MIN) or np.any(high > INT32_MAX):
        return None
    outputs = np.arange(lowest + 1, highest + 1)
    ends = [np.clip(_reference(end, m, -shift) + offset, lowest, highest) for end in (low, high)]
    reached = (outputs > ends[0]) & (outputs <= ends[1])
    # The dividend that gives output k, and the sum that gives it: both fit where k is reached.
    dividend = np.where(reached, (outputs - offset << -shift) - (1 << -shift >> 1), 0)
    first = -(((1 << 30) - (dividend << 31)) // np.maximum(m, 1))
    # A channel with one output has no slope.
    found = (ends[0] == ends[1])[:, 0]
    if np.any(spread[found] > INT32_MAX):
        return None
    half = 1 << fraction >> 1
    line = [np.zeros_like(bias), np.zeros_like(bias), (ends[0][:, 0] << fraction) + half]
    nearest = np.rint(np.ldexp(m[:, 0].astype(float), 1 + fraction - scale + shift[:, 0]))
    searched = (nearest > _SLOPES) & (nearest <= INT32_MAX - _SLOPES)
    nearest = np.where(searched, nearest, 1).astype(np.int64)
    for slope in (nearest + more for more in _both_sides(_SLOPES)):
        step = (slope << scale)[:, None]
        least = np.where(reached, (outputs << fraction + 32) - first * step, _LEAST)
        most = np.where(reached, (outputs << fraction + 32) - (first - 1) * step - 1, _MOST)
        least, most = least.max(axis=1, initial=_LEAST), most.min(axis=1, initial=_MOST)
        for addend in ((offset << fraction) + half + more for more in _both_sides(_REACH)):
            candidates = searched & ~found & (least <= most)
            if not candidates.any():
                break
            above = -(((addend << 32) - least) // np.maximum(slope, 1))
            start = above + (bias << scale)
            good = candidates & (above * slope + (addend << 32) <= most) & (abs(start) <= INT32_MAX)
            good &= start + (products[0] << scale) >= INT32_MIN
            good &= start + (products[1] << scale) <= INT32_MAX
            line = [np.where(good, *pair) for pair in zip((start, slope, addend), line, strict=True)]
            found |= good
    return Line(*(values.astype(np.int32) for values in line)) if found.all() else None


def _reference(a: np.ndarray, m: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Scaled and rounded as nonn_requantize() does."""
    high = (a * m + (1 << 30)) >> 31
    mask = (np.int64(1) << right) - 1
    return (high >> right) + ((high & mask) > (mask >> 1) + (high < 0))


def _both_sides(reach: int) -> Iterator[int]:
    yield from sorted(range(-reach, reach + 1), key=abs)
