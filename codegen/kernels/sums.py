"""What the sums of a layer with filters can be, and its constants for each channel."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.layer import Table, Value
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN


def per_channel(value: Value, channels: int) -> np.ndarray:
    """Give a bias, multipliers or shifts, one entry for each channel or one for all, as int64 (channels,).

    A bias that is not there is 0.
    """
    if value is None:
        return np.zeros(channels, np.int64)
    assert isinstance(value, Table)
    return np.broadcast_to(value.values.astype(np.int64).reshape(-1), channels)


def sum_range(
    filters: np.ndarray, bias: np.ndarray | None, input_offset: int
) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest sum that int8 inputs can give, bias included, int64 for each channel.

    ``filters`` is int8, (channels, taps). Taps in the padding add nothing, which is the input at its zero
    point: no window leaves this range.
    """
    low, high = product_range(filters)
    base = folded_bias(filters, bias, input_offset)
    return base + low, base + high


def product_range(filters: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least and greatest sum of products of int8 inputs, without offset and bias, int64 for each channel."""
    positive = np.maximum(filters.astype(np.int64), 0).sum(axis=1)
    negative = np.minimum(filters.astype(np.int64), 0).sum(axis=1)
    return (
        INT8_MIN * positive + INT8_MAX * negative,
        INT8_MAX * positive + INT8_MIN * negative,
    )


def folded_bias(filters: np.ndarray, bias: np.ndarray | None, input_offset: int) -> np.ndarray:
    """Bias for sums over the inputs as they are, without their offset; int64 for each channel."""
    base = np.zeros(len(filters), np.int64) if bias is None else bias.astype(np.int64)
    return base + input_offset * filters.astype(np.int64).sum(axis=1)
