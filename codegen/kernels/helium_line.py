"""Requantisation with one rounding where only one side of zero is wanted, proved threshold by threshold.

An output of the reference is a step function of the sum that never falls, so it is given by its thresholds:
the lowest sum that gives v or more, for each v of the output's range. So is what Helium computes faster::

    out = sat8(VQRSHRN(VQRDMULH(sum * scale + bias, multiplier), 14))

Two such functions are equal when their thresholds are. Where the lower limit is the output's offset, no
negative sum matters and all of the reference's thresholds lie near one line; the multiplier and the bias of
the other, which has bits below the sum's last, are chosen so that its thresholds are the same 255 integers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from nonn_mcu.codegen.kernels.helium_requantize import is_relu
from nonn_mcu.codegen.kernels.sums import folded_bias, per_channel, sum_range
from nonn_mcu.codegen.layer import Value

_SHIFT = 14  # VQRSHRN's, the same for all channels: less leaves too few bits, more too little room
_LEAST_SCALE = 6  # bits below the sum's last; with fewer no bias puts 255 thresholds in place
_NEAR = 64  # multipliers that are tried on each side of the exact one


def lines(params: Mapping[str, Value], filters: np.ndarray) -> tuple[int, np.ndarray] | None:
    """Give the layer's scale and each channel's bias and multiplier, int32 (channels, 2), or None.

    ``params`` are those of :func:`..filters.arithmetic`, ``filters`` the int8 weights, (channels, taps). The
    bias is for sums of raw inputs and weights; it holds the output's offset.
    """
    if not is_relu(params):
        return None
    count = len(filters)
    offset = cast(int, params["input_offset"])
    bias, multiplier = per_channel(params["bias"], count), per_channel(params["multiplier"], count)
    right = -per_channel(params["shift"], count)
    if (multiplier == 0).any() or (right < 1).any():
        return None
    ends = sum_range(filters, bias, offset)
    spread = int((ends[1] - ends[0]).max())
    wanted = [_thresholds(int(m), int(s)) for m, s in zip(multiplier, right, strict=True)]
    folded = folded_bias(filters, bias, offset)
    for bits in range(32 - spread.bit_length(), _LEAST_SCALE - 1, -1):
        exact = (multiplier << _SHIFT) >> (right + bits)
        rows = []
        for channel in range(count):
            reached = int(ends[0][channel]), int(ends[1][channel])
            row = _line(bits, wanted[channel], int(exact[channel]), reached)
            if row is None:
                break
            rows.append((row[0] + (int(folded[channel]) << bits), row[1]))
        else:
            return 1 << bits, np.array(rows, np.int64).astype(np.int32)  # the bias wraps, as sums do
    return None


def _line(bits: int, wanted: np.ndarray, exact: int, reached: tuple[int, int]) -> tuple[int, int] | None:
    """Bias and multiplier that give the thresholds ``wanted`` on sums from ``reached[0]`` to ``reached[1]``.

    Only those within are to be met; a threshold that lies beyond must lie beyond for both.
    """
    nominal = min(max(exact, 1 << 16), 1 << 30)
    tried = np.minimum(nominal + np.arange(-_NEAR, _NEAR + 1), (1 << 31) - 1)[:, None]
    levels = 2 * np.arange(-127, 128, dtype=np.int64) - 1
    # From here on a scaled sum, plus the bias, gives its level or more.
    lowest = -(((1 << 30) - (levels << (_SHIFT + 30))) // tried)
    first, last = reached
    reaching, missing = wanted <= last, wanted > first
    least = lowest - (np.maximum(wanted, first) << bits)
    most = lowest - (np.minimum(wanted - 1, last) << bits) - 1
    low = least.max(axis=1, where=reaching, initial=-(1 << 62))
    high = most.min(axis=1, where=missing, initial=1 << 62)
    best = int((high - low).argmax())
    bias = _between(int(low[best]), int(high[best]))
    if bias is None or any(abs(bias + (end << bits)) >= 1 << 31 for end in reached):
        return None
    return bias, int(tried[best, 0])


def _between(low: int, high: int) -> int | None:
    """Choose the middle of what is allowed; where that is open to one side, what lies near."""
    if low > high:
        return None
    width = min(high - low, 1 << 24)
    return high - width // 2 if low == -(1 << 62) else low + width // 2


def _thresholds(multiplier: int, right: int) -> np.ndarray:
    """Lowest sums, bias included, for which the reference gives 1, 2, ... 255 above the output's offset.

    The doubling high multiply gives n or more from multiplier * sum >= (n - 1/2) * 2^31 on, and the shift v
    or more from n = (v - 1/2) * 2^right on.
    """
    steps = (np.arange(1, 256, dtype=np.int64) * 2 - 1) << (right - 1)
    return -((-((2 * steps - 1) << 30)) // multiplier)
