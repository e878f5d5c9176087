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
can reach is exact: what is found is proved. The C side is ``firmware/kernels/dsp/requantize_dsp.h``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.fixed_point import scaled
from nonn_mcu.codegen.quantize import INT32_MAX, INT32_MIN

_SLOPES = 4  # multipliers tried on either side of the nearest
_REACHES = 64, 4096  # addends tried on either side of the nearest, few first


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
    if lowest < offset or np.any(shift > 0) or np.any(low < INT32_MIN) or np.any(high > INT32_MAX):
        return None
    outputs = np.arange(lowest + 1, highest + 1)
    ends = [np.clip(scaled(end, m, -shift) + offset, lowest, highest) for end in (low, high)]
    reached = (outputs > ends[0]) & (outputs <= ends[1])
    # The dividend that gives output k, and the sum that gives it: both fit where k is reached.
    dividend = np.where(reached, (outputs - offset << -shift) - (1 << -shift >> 1), 0)
    first = -(((1 << 30) - (dividend << 31)) // np.maximum(m, 1))
    nearest = np.ldexp(m[:, 0].astype(float), 1 + fraction - scale + shift[:, 0])
    addend = (offset << fraction) + (1 << fraction >> 1)
    rows = []
    for channel in range(len(bias)):
        spread = products[0][channel] << scale, products[1][channel] << scale
        base = bias[channel] << scale
        steps = outputs[reached[channel]], first[channel, reached[channel]]
        row: tuple[int, int, int] | None = None
        if len(steps[0]) > 0:
            row = _channel(steps, float(nearest[channel]), addend, form, (spread[0] + base, spread[1] + base))
        elif max(-spread[0], spread[1]) <= INT32_MAX:
            row = -base, 0, addend + (int(ends[0][channel, 0]) - offset << fraction)
        if row is None:
            return None
        rows.append((row[0] + base, *row[1:]))
    return Line(*np.array(rows, np.int64).astype(np.int32).reshape(-1, 3).T)


def _channel(
    steps: tuple[np.ndarray, np.ndarray],
    nearest: float,
    middle: int,
    form: tuple[int, int],
    ends: tuple[int, int],
) -> tuple[int, int, int] | None:
    """(start without the bias, multiplier, addend) of a channel, or None.

    ``steps`` are outputs and the first sum of each, ``middle`` the addend to begin with, ``ends`` the least
    and the greatest scaled sum.
    """
    if not _SLOPES < nearest <= INT32_MAX - _SLOPES:
        return None
    outputs, first = (part.astype(np.int64) for part in steps)
    for slope in _both_sides(round(nearest), _SLOPES).tolist():
        bounds = (outputs << form[1] + 32) - first * (slope << form[0])
        least, most = int(bounds.max()), int(bounds.min()) + (slope << form[0]) - 1
        for reach in _REACHES if least <= most else ():
            addends = _both_sides(middle, reach)
            starts = -(((addends << 32) - least) // slope)
            fits = starts * slope + (addends << 32) <= most
            fits &= (starts + ends[0] >= INT32_MIN) & (starts + ends[1] <= INT32_MAX)
            if fits.any():
                return int(starts[fits][0]), slope, int(addends[fits][0])
    return None


def _both_sides(middle: int, reach: int) -> np.ndarray:
    """Up to ``reach`` on either side, nearest first."""
    steps = np.arange(1, 2 * reach + 2, dtype=np.int64) // 2
    return middle + np.where(np.arange(2 * reach + 1) % 2, steps, -steps)
