"""Output channels that never or hardly change, in constants that fast arithmetic can hold.

Training leaves channels whose filters are all but zero. Quantised one by one they get tiny scales: int8
weights of any size, a bias near the ends of 32 bits and a shift that loses all of it again. What such a
channel gives is one number, or two that follow each other; constants of a common size give the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import cast

import numpy as np

from nonn_mcu.codegen.fixed_point import scaled
from nonn_mcu.codegen.kernels.sums import per_channel, sum_range
from nonn_mcu.codegen.layer import Layer, Table, Value

# One step of the output is four of the sum.
_MULTIPLIER, _SHIFT = 1 << 30, -1

_LOWEST_SHIFT = -13
_MOST_TRIED = 1 << 21  # sums of one channel


def settled(layer: Layer) -> Layer:
    """Return a layer with filters, its constants settled where that changes any; any other as it is."""
    if layer.kernel not in ("conv_2d", "depthwise_conv_2d", "fully_connected"):
        return layer
    weights = cast(Table, layer.params["weights"])
    depthwise = layer.kernel == "depthwise_conv_2d"
    columns = weights.values.reshape(-1, weights.values.shape[-1]).T
    filters = columns if depthwise else weights.values.reshape(len(weights.values), -1)
    if (cast(Table, layer.params["shift"]).values >= _LOWEST_SHIFT).all():
        return layer
    params, made = settle(layer.params, filters)
    shaped = (made.T if depthwise else made).reshape(weights.values.shape)
    each = {"per_unit": 1} if layer.kernel == "fully_connected" else {}
    return replace(layer, params=params | each | {"weights": replace(weights, values=shaped)})


def settle(params: Mapping[str, Value], filters: np.ndarray) -> tuple[dict[str, Value], np.ndarray]:
    """Give the same layer, in the reference's arithmetic, without shifts far beyond the sums.

    The filters of constant channels are all zero; a right shift above 13 is lowered to that where the outputs
    stay the same for every sum that the channel can have.

    ``params`` are those of :func:`..filters.arithmetic`, ``filters`` the int8 weights, (channels, taps); the
    parameters "bias", "multiplier" and "shift" come back with one entry per channel. "weights" is left alone.
    """
    count = len(filters)
    number = {key: value for key, value in params.items() if isinstance(value, int)}
    bias, multiplier, shift = (per_channel(params[key], count) for key in ("bias", "multiplier", "shift"))
    low, high = sum_range(filters, None, number["input_offset"])
    outputs = [_output(bias + ends, multiplier, shift, number) for ends in (low, high)]
    constant = (outputs[0] == outputs[1]) & (shift <= 0)
    settled = {
        "bias": np.where(constant, 4 * (outputs[0] - number["output_offset"]), bias),
        "multiplier": np.where(constant, _MULTIPLIER, multiplier),
        "shift": np.where(constant, _SHIFT, shift),
    }
    for channel in np.flatnonzero(~constant & (shift < _LOWEST_SHIFT) & (high - low <= _MOST_TRIED)):
        row = [int(settled[key][channel]) for key in ("bias", "multiplier", "shift")]
        lowered = _lowered(row, (int(low[channel]), int(high[channel])), number)
        for key, value in zip(settled, lowered, strict=True):
            settled[key][channel] = value
    tables = {key: Table("int8_t" if key == "shift" else "int32_t", value) for key, value in settled.items()}
    return {**params, **tables}, np.where(constant[:, None], 0, filters).astype(np.int8)


def _lowered(row: list[int], ends: tuple[int, int], number: Mapping[str, int]) -> list[int]:
    """Bias, multiplier and shift with fewer bits and the same outputs, or as they are."""
    bias, multiplier, shift = row
    sums = np.arange(ends[0], ends[1] + 1)
    fewer = multiplier >> (_LOWEST_SHIFT - shift)
    less, lowest = np.array([fewer]), np.array([_LOWEST_SHIFT])
    wanted = _output(bias + sums, np.array([multiplier]), np.array([shift]), number)
    made = _output(bias + sums, less, lowest, number)
    # Both rise in a step or two: moved so that the last ones fall together.
    moved = bias + int((made == made[-1]).argmax()) - int((wanted == wanted[-1]).argmax())
    same = _output(moved + sums, less, lowest, number)
    return [moved, fewer, _LOWEST_SHIFT] if (same == wanted).all() else row


def _output(
    sums: np.ndarray, multiplier: np.ndarray, shift: np.ndarray, number: Mapping[str, int]
) -> np.ndarray:
    """Give the reference's output, which never falls as the sum rises, for right shifts."""
    found = scaled(sums, multiplier, np.maximum(-shift, 0))
    return np.clip(found + number["output_offset"], number["activation_min"], number["activation_max"])
