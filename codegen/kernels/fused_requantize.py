"""Requantisation in two or four instructions, where the sums can be scaled: a search for each channel.

A kernel that widens its int8 weights to int16 may scale them by a power of two on the way. With the sum a of
the reference (bias included) it then has k * a + start, and computes

    saturate8(((k * a + start) * multiplier >> 32) + addend >> 8)

by SMMLA and SSAT. The reference's output as a function of a is a staircase of at most 255 steps, and this is
exact where it steps between the same two sums. Each step bounds ``start`` for a given multiplier and addend:

    k * a + start >= ceil((256 * t - addend) * 2^32 / multiplier)

for the first sum a of output t, and the opposite for the sum before it. All steps that the layer's sums can
reach are looked at, so what is found is proved: no condition on how the reference rounds is needed.

The reference rounds the quotient of a power of two with ties away from zero. For outputs up to the zero point
its steps therefore lie one unit of the dividend further on, 2^31 / (its multiplier) sums. Where the layer has
such outputs, ``correction`` is this in units of k * a + start, and is subtracted where that is negative.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.fixed_point import scaled
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN, INT32_MAX, INT32_MIN

FRACTION = 8  # bits of the scaled sum below the output
_MOST_SCALE = 8  # int8 weights times 2^8 are int16
_REACHES = 8, 128  # addends tried on either side of the nearest for each multiplier, few first
_SLOPES = 8  # multipliers tried on either side of the nearest for each scale
_CHECKED = 8  # candidates for each multiplier: those of the smallest start first
LEVELS = np.arange(INT8_MIN + 1, INT8_MAX + 1)
_FAR = 1 << 40


@dataclass(frozen=True, eq=False)
class Fused:
    """Constants of each channel; weights are to be multiplied by 2^scale, ``start`` is the first sum.

    Addends and corrections fit 16 bits.
    """

    scale: np.ndarray
    start: np.ndarray
    multiplier: np.ndarray
    addend: np.ndarray
    correction: np.ndarray

    @property
    def corrected(self) -> bool:
        """Whether sums below zero need the correction."""
        return bool(self.correction.any())


def fuse(
    multiplier: np.ndarray,
    shift: np.ndarray,
    products: tuple[np.ndarray, np.ndarray],
    bias: np.ndarray,
    output_offset: int,
) -> Fused | None:
    """Give the constants, or None where a channel has none. The activation must be the whole of int8.

    ``multiplier`` and ``shift`` are the portable kernel's; ``products`` are the least and greatest sums of
    products for each channel (product_range()), ``bias`` what is added to them (folded_bias()).
    """
    low, high = products[0] + bias, products[1] + bias
    if np.any(shift > 0) or np.any(low < INT32_MIN) or np.any(high > INT32_MAX):
        return None
    m, right = multiplier.astype(np.int64)[:, None], -shift.astype(np.int64)[:, None]
    steps = first_sums(m, right, low[:, None], high[:, None], output_offset)
    rows = []
    for channel in range(len(low)):
        row = _channel(
            (int(multiplier[channel]), -int(shift[channel])),
            steps[channel],
            (int(low[channel]), int(high[channel])),
            output_offset,
        )
        if row is None:
            return None
        rows.append(row)
    scale, start, factor, addend, correction = np.array(rows, np.int64).T
    start = start + (bias << scale)
    # Sums on the way, of products so far, lie between these and ``start``.
    ends = (start + (products[0] << scale), start + (products[1] << scale))
    if np.any(ends[0] < INT32_MIN) or np.any(ends[1] > INT32_MAX) or np.any(abs(start) > INT32_MAX):
        return None
    return Fused(scale, start, factor, addend, correction)


def first_sums(
    m: np.ndarray, right: np.ndarray, low: np.ndarray, high: np.ndarray, offset: int
) -> np.ndarray:
    """Return the first sum that gives t or more, for t from -127; beyond ``high`` where none does."""
    first, beyond = np.broadcast_arrays(low, high + 1)
    first, beyond = np.repeat(first, len(LEVELS), 1), np.repeat(beyond, len(LEVELS), 1)
    while np.any(first < beyond):
        middle = (first + beyond) >> 1
        reached = scaled(middle, m, right) + offset >= LEVELS
        first = np.where(reached, first, np.minimum(middle + 1, beyond))
        beyond = np.where(reached, middle, beyond)
    return first


def _channel(
    rule: tuple[int, int], steps: np.ndarray, ends: tuple[int, int], offset: int
) -> tuple[int, int, int, int, int] | None:
    """(scale, start without bias, multiplier, addend, correction) of one channel, or None.

    ``rule`` is the reference's multiplier and right shift, ``ends`` the least and greatest sum.
    """
    below, within = steps > ends[0], steps <= ends[1]  # whether there are sums before and after a step
    if not np.any(below & within):  # one output whatever comes in
        return 0, 0, 0, ((INT8_MIN + int(np.count_nonzero(within))) << FRACTION) + 128, 0
    apart = below & within & (offset >= LEVELS)  # steps to be corrected
    if rule[1] == 0 or np.array_equal(apart, below & within):
        apart = np.zeros_like(apart)
    for reach in _REACHES:
        addends = (offset << FRACTION) + 128 + np.array(sorted(range(-reach, reach), key=abs))
        for scale, multiplier in _multipliers(rule, max(-ends[0], ends[1])):
            firsts = -(((addends[:, None] - (LEVELS << FRACTION)) << 32) // multiplier)
            bounds = firsts - (steps << scale)
            least = np.where(within, bounds, -_FAR)
            most = np.where(below, bounds + (1 << scale) - 1, _FAR)
            start, room = _middle(least[:, ~apart], most[:, ~apart])
            under, room_under = _middle(least[:, apart], most[:, apart]) if apart.any() else (start, room)
            for i in np.flatnonzero(np.minimum(room, room_under) >= 0)[:_CHECKED].tolist():
                found = (int(start[i]), multiplier, int(addends[i]), int(start[i] - under[i]))
                if _equals(found, scale, steps, ends):
                    return scale, *found
    return None


def _multipliers(rule: tuple[int, int], largest: int) -> Iterator[tuple[int, int]]:
    """(scale, multiplier) to try, for sums up to ``largest``: greatest scale and nearest multiplier first."""
    for scale in range(_MOST_SCALE, -1, -1):
        nearest = round(rule[0] * 2.0 ** (1 + FRACTION - scale - rule[1]))
        if _SLOPES < nearest <= INT32_MAX - _SLOPES and largest < 1 << (30 - scale):
            for n in range(2 * _SLOPES + 1):
                yield scale, nearest + (n + 1) // 2 * (-1) ** n


def _middle(least: np.ndarray, most: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each row the middle between the bounds, and how far they are apart."""
    low, high = least.max(axis=1), most.min(axis=1)
    return (np.maximum(low, high - _FAR // 2) + np.minimum(high, low + _FAR // 2)) // 2, high - low


def _equals(found: tuple[int, int, int, int], scale: int, steps: np.ndarray, ends: tuple[int, int]) -> bool:
    """Whether each step is where it must be, and no value on the way leaves 32 bits.

    As the form grows with the sum, the sums beside the steps and the two ends stand for all others.
    """
    start, multiplier, addend, correction = found

    def before_last_shift(sums: np.ndarray) -> np.ndarray:
        x = (sums << scale) + start
        return ((x - correction * (x < 0)) * multiplier >> 32) + addend

    below, within = steps > ends[0], steps <= ends[1]
    after = before_last_shift(steps[within]) >> FRACTION >= LEVELS[within]
    before = before_last_shift(steps[below] - 1) >> FRACTION < LEVELS[below]
    extremes = before_last_shift(np.array(ends))
    narrow = abs(start) + correction + (max(-ends[0], ends[1]) << scale) <= INT32_MAX
    short = -(1 << 15) <= addend < 1 << 15 and 0 <= correction < 1 << 15
    return bool(
        after.all()
        and before.all()
        and narrow
        and short
        and extremes[0] >= INT32_MIN
        and extremes[1] <= INT32_MAX
    )
