"""Requantisation in two instructions, where the whole of it is one linear function: a search by channel.

With int8 weights widened to int16 that are ``scale`` times as large, 2^8 or less, a kernel has
scale * a + start for the sum a of the reference, and computes

    saturate8((scale * a + start) * multiplier >> 40)

by SMMUL and SSAT: ``start`` holds the output's zero point and the rounding as well. As in
:mod:`.fused_requantize` this is exact where it steps between the same two sums as the reference; each step
bounds ``start`` for a given multiplier,

    scale * a + start >= ceil(t * 2^40 / multiplier)

for the first sum a of output t, and the opposite for the sum before it. Multipliers beside the nearest are
tried as far as these tilt the line by less than a sum.

That leaves out layers with outputs on both sides of the zero point: their ties go two ways.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.kernels.fused_requantize import LEVELS, first_sums
from nonn_mcu.codegen.kernels.sums import folded_bias, product_range
from nonn_mcu.codegen.quantize import INT8_MIN, INT32_MAX, INT32_MIN

_MOST_SCALE = 8  # int8 weights times 2^8 are int16
_FRACTION = 40  # bits
_TILTS = 256  # multipliers tried on either side of the nearest
_TILT = 4  # of these turn the line by 1 / scale of a sum at its far end
_FAR = 1 << 40
_CONSTANT = 1 << 24  # a multiplier for channels whose output never changes


@dataclass(frozen=True, eq=False)
class Line:
    """Constants of each channel; weights are to be multiplied by 2^(8 - halvings).

    Those of channels that are not ``live`` are to be taken as 0.
    """

    start: np.ndarray
    multiplier: np.ndarray
    halvings: np.ndarray
    live: np.ndarray


def fit_line(
    rule: tuple[np.ndarray, np.ndarray], filters: np.ndarray, bias: np.ndarray, offsets: tuple[int, int]
) -> Line | None:
    """Give the constants, or None where a channel has none. The activation must be the whole of int8.

    ``rule`` is the portable kernel's multipliers and shifts, ``filters`` int8 (channels, taps), ``offsets``
    those of the input, that the kernel adds to it, and of the output; a tap in the padding adds nothing.
    """
    m, right = rule[0].astype(np.int64), -rule[1].astype(np.int64)
    low, high = (bound + folded_bias(filters, bias, offsets[0]) for bound in product_range(filters))
    if np.any(right < 0) or np.any(low < INT32_MIN) or np.any(high > INT32_MAX):
        return None
    steps = first_sums(m[:, None], right[:, None], low[:, None], high[:, None], offsets[1])
    rows = []
    for c in range(len(low)):
        # Sums on the way, of products so far, lie between the ends and ``bias``.
        ends = int(low[c]), int(high[c]), int(bias[c])
        row = _channel((int(m[c]), int(right[c])), steps[c], ends, offsets[1])
        if row is None:
            return None
        rows.append(row)
    start, multiplier, halvings, live = np.array(rows, np.int64).T
    return Line(start, multiplier, halvings, live.astype(bool))


def _channel(
    rule: tuple[int, int], steps: np.ndarray, ends: tuple[int, int, int], offset: int
) -> tuple[int, int, int, bool] | None:
    """(start with bias, multiplier, halvings, live) of one channel, or None.

    ``rule`` is the reference's multiplier and right shift, ``ends`` the least and greatest sum and the bias.
    """
    below, within = steps > ends[0], steps <= ends[1]  # whether there are sums before and after a step
    seen = below & within
    if not seen.any():  # one output whatever comes in
        level = INT8_MIN + int(np.count_nonzero(within))
        return ((2 * level + 1) << _FRACTION) // (2 * _CONSTANT), _CONSTANT, 0, False
    apart = seen & (offset >= LEVELS)
    if rule[1] > 0 and apart.any() and not np.array_equal(apart, seen):
        return None
    for halvings in range(_MOST_SCALE + 1):
        scale = 1 << (_MOST_SCALE - halvings)
        nearest = round(rule[0] * 2.0 ** (_FRACTION - 31 - rule[1]) / scale)
        tilt = max(1, nearest // (max(1, int(max(abs(steps[seen])))) * scale * _TILT))
        tried = nearest + tilt * np.array(sorted(range(-_TILTS, _TILTS), key=abs))
        tried = tried[(tried > 0) & (tried <= INT32_MAX)]
        firsts = -((-LEVELS << _FRACTION) // tried[:, None])
        bounds = firsts - steps * scale
        least = np.where(within, bounds, -_FAR).max(axis=1, initial=-_FAR)
        most = np.where(below, bounds + scale - 1, _FAR).min(axis=1, initial=_FAR)
        for i in np.flatnonzero(least <= most)[:1].tolist():
            start = int(least[i] + most[i]) // 2
            if all(INT32_MIN <= start + scale * sum_ <= INT32_MAX for sum_ in ends):
                return start + scale * ends[2], int(tried[i]), halvings, True
    return None
