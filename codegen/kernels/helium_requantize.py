"""Constants of ``firmware/kernels/helium/requantize_helium.h``, and the proof that they are exact.

The kernel computes, on sums of raw inputs and weights, all modulo 2^32::

    sum = raw + bias'                   bias' = bias + input_offset * (sum of the filter)
    x = VQRDMULH(sum, multiplier)       the reference's doubling high multiply, and |x| <= |sum|
    x = x + floor(x * word / 2^31)      VQDMLAH; saturates
    y = (x + 2^(s - 1)) >> s            VRSHL by the word's low byte, -s; y = x where s = 0
    out = clamp(y + output_offset)      after saturation to 16 and before that to 8 bits

with ``word`` = 256 - s for a right shift of s >= 1, else 0. The reference rounds ties of x / 2^s away from
zero; for s >= 1 that is ``floor((x - (x < 0) + 2^(s - 1)) / 2^s)``. So the two agree where the added floor is
-(x < 0), which holds for every |x| <= 2^23, since word < 2^8. Beyond, it is off by at most |x| / 2^23 + 1;
then y stays beyond +-1000 in both for s <= 13, and an offset of at most 128 leaves both outside int8 on the
same side. What is neither, a left shift or a sum that an offset takes out of 32 bits is not taken; channels
that hardly change are best made small first (:mod:`.constant_channels`).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from nonn_mcu.codegen.kernels.sums import folded_bias, per_channel
from nonn_mcu.codegen.layer import Value
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN

_SMALL = 1 << 23  # sums up to here are exact at any shift
_SATURATING_SHIFT = 13  # and at shifts up to here any sum is


def channels(params: Mapping[str, Value], filters: np.ndarray) -> np.ndarray | None:
    """Bias, multiplier and shift word of each channel, int32 (channels, 3), or None if not proved exact.

    ``params`` are those of :func:`..filters.arithmetic`, one multiplier and shift per channel or one for all;
    ``filters`` are the int8 weights, (channels, taps).
    """
    count = len(filters)
    offset = _number(params["input_offset"])
    bias, multiplier = per_channel(params["bias"], count), per_channel(params["multiplier"], count)
    right = -per_channel(params["shift"], count)
    furthest = max(INT8_MAX + offset, -(INT8_MIN + offset))
    largest = np.abs(filters.astype(np.int64)).sum(axis=1) * furthest + np.abs(bias)
    if (right < 0).any() or (largest >= (1 << 31) - 256).any():
        return None
    folded = folded_bias(filters, bias, offset)
    words = np.where(right > 0, 256 - right, 0)
    if ((largest > _SMALL) & (right > _SATURATING_SHIFT)).any():
        return None
    return np.stack([folded, multiplier, words], axis=1).astype(np.int32)  # the bias wraps, as sums do


def is_relu(params: Mapping[str, Value]) -> bool:
    """Whether saturation to uint8 is all of the output's limits: offset -128, range -128 to 127."""
    limits = (params["output_offset"], params["activation_min"], params["activation_max"])
    return limits == (INT8_MIN, INT8_MIN, INT8_MAX)


def _number(value: Value) -> int:
    assert isinstance(value, int)
    return value
