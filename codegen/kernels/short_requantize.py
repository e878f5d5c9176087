"""Requantisation in three or four instructions, where a layer's constants allow it.

The reference takes a sum a (bias included) to

    r = (a * m + 2^30) >> 31, then r / 2^s rounded to nearest with ties away from zero, then + z, then clamp

with m the multiplier, s >= 0 the right shift and z the output's zero point. With t = SMMLAR(2a, m, C), which
is C + ((2a * m + 2^31) >> 32), and C = 2^(s-1) + z * 2^s, for s = 0: C = z:

* Rounding half up, ``saturate(t >> s)``. As 2a fits 32 bits, t = C + r. For r >= 0 the division rounds ties
  up, so t >> s is right. For r < 0 only the ties differ: t >> s is one more than wanted, and is at most z, as
  the wanted value is. Where everything up to z is clamped to one value, this form is exact.
* Rounding half away from zero, ``saturate((t + (a >> 31)) >> s)``, s >= 1. For a >= 0 it is the same. For
  a < 0, r <= 0: with r < 0, (r - 1 + 2^(s-1)) >> s is r / 2^s with ties downwards, that is away from zero;
  with r = 0, 2^(s-1) - 1 >= 0 shifts to 0 as it must.

Saturating to int8 first and clamping to the activation's range afterwards is the same as clamping at once,
because int8 holds that range. A channel whose |r| always stays below 2^(s-1) gives z for every input: it gets
m = 0 and s = 1, so that filters of zeros, whose scales are tiny, are no obstacle.

The C side is ``firmware/kernels/dsp/requantize_dsp.h``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.fixed_point import doubling_high_mul
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN, INT32_MAX, INT32_MIN


@dataclass(frozen=True, eq=False)
class Short:
    """Constants for each channel, int32; ``away`` selects the form with ties away from zero.

    ``clamped``: the kernel still has to clamp the saturated bytes to the activation's range.
    """

    multiplier: np.ndarray
    addend: np.ndarray
    shift: np.ndarray
    away: bool
    clamped: bool


def shorten(
    multiplier: np.ndarray,
    shift: np.ndarray,
    sums: tuple[np.ndarray, np.ndarray],
    output_offset: int,
    activation: tuple[int, int],
) -> Short | None:
    """Give the constants of the short form, or None where it is not exact.

    ``multiplier`` and ``shift`` are the portable kernel's, one entry for each channel or one for all;
    ``sums`` is what :func:`sum_range` returns.
    """
    low, high = (bound.tolist() for bound in sums)
    channels = len(low)
    away = activation[0] < output_offset
    rows = []
    for m, s, least, most in zip(
        np.broadcast_to(multiplier, channels).tolist(),
        np.broadcast_to(shift, channels).tolist(),
        low,
        high,
        strict=True,
    ):
        row = _channel(m, -s, (least, most), output_offset, away)
        if row is None:
            return None
        rows.append(row)
    table = np.array(rows, np.int64).astype(np.int32)
    return Short(
        multiplier=table[:, 0],
        addend=table[:, 1],
        shift=table[:, 2],
        away=away,
        clamped=activation != (INT8_MIN, INT8_MAX),
    )


def _channel(
    multiplier: int, shift: int, sums: tuple[int, int], offset: int, away: bool
) -> tuple[int, int, int] | None:
    """(multiplier, addend, right shift) of one channel, or None."""
    if shift < 0 or 2 * sums[0] < INT32_MIN or 2 * sums[1] > INT32_MAX:
        return None
    low, high = (doubling_high_mul(bound, multiplier) for bound in sums)
    if multiplier == 0 or (shift > 0 and max(-low, high) < 1 << (shift - 1)):
        return 0, 1 + 2 * offset, 1
    if shift == 0 and away:
        return None
    addend = (1 << shift >> 1) + (offset << shift)
    # The sum that the shift acts on must fit, the correction for ties included.
    if min(low, 0) + addend - 1 < INT32_MIN or max(high, 0) + addend > INT32_MAX:
        return None
    return multiplier, addend, shift
