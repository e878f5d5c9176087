"""Real numbers to fixed point, exactly as TensorFlow Lite Micro does it when it prepares a model.

Which products are taken in float32 and which in float64 differs from operator to operator in the
reference; the operators' own files say which and why. Sources: tensorflow/lite/kernels/internal/
quantization_util.cc (QuantizeMultiplier) and kernels/kernel_util.cc (CalculateActivationRangeQuantized).
"""

from __future__ import annotations

import math

import numpy as np

from nonn_mcu.errors import BadInput

INT8_MIN, INT8_MAX = -128, 127
INT32_MIN, INT32_MAX = -(1 << 31), (1 << 31) - 1

_LOWEST_SHIFT, _HIGHEST_SHIFT = -31, 31


def round_half_away(value: float) -> int:
    """Round to nearest, ties away from zero, as C's ``round``; Python's rounds ties to even."""
    return math.floor(abs(value) + 0.5) * (1 if value >= 0 else -1) if abs(value) < 2**52 else int(value)


def quantize_multiplier(real: float) -> tuple[int, int]:
    """Return (multiplier, shift) with real = multiplier * 2^(shift - 31), multiplier in [2^30, 2^31).

    Zero, and what is so small that its shift would fall below -31, become (0, 0). Raises
    :class:`BadInput` for what the kernels' 32-bit shift cannot express.
    """
    if not math.isfinite(real) or real < 0:
        raise BadInput(f"the ratio of scales is {real}; calibrate again")
    if real == 0:
        return 0, 0
    fraction, shift = math.frexp(real)
    multiplier = round_half_away(fraction * (1 << 31))
    if multiplier == 1 << 31:
        multiplier //= 2
        shift += 1
    if shift < _LOWEST_SHIFT:
        return 0, 0
    if shift > _HIGHEST_SHIFT:
        raise BadInput(f"the ratio of scales, {real:.3g}, is too large for 32 bits; calibrate again")
    return multiplier, shift


def activation_range(activation: str, scale: float, zero_point: int) -> tuple[int, int]:
    """Return the int8 range (low, high) of a fused activation on an output of this scale, in float32.

    Raises :class:`BadInput` for an activation that the reference ignores or a bound beyond int32.
    """
    bounds: dict[str, tuple[float | None, float | None]] = {
        "NONE": (None, None),
        "RELU": (0.0, None),
        "RELU6": (0.0, 6.0),
        "RELU_N1_TO_1": (-1.0, 1.0),
    }
    if activation not in bounds:
        raise BadInput(f"fused activation {activation} has no integer form; make it a layer of its own")

    def quantized(real: float) -> int:
        with np.errstate(over="ignore"):
            steps = float(np.float32(real) / np.float32(scale))
        if not abs(steps) <= float(np.float32(INT32_MAX)):
            raise BadInput(f"scale {scale} is too small for activation {activation}; calibrate again")
        return zero_point + round_half_away(steps)

    low, high = bounds[activation]
    return (
        INT8_MIN if low is None else max(INT8_MIN, quantized(low)),
        INT8_MAX if high is None else min(INT8_MAX, quantized(high)),
    )
