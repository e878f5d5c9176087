"""Filters for Helium's tiles of four pixels (firmware/include/nonn/kernels/helium_tile.h)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.constant_channels import settle
from nonn_mcu.codegen.kernels.helium_line import lines
from nonn_mcu.codegen.kernels.helium_requantize import channels
from nonn_mcu.codegen.layer import Table, Value

CHUNK = 16  # values of a receptive field that are multiplied at once
CHANNELS = 64  # whose sums are kept at a time where there is little room
_DIRECT = (1, 2, 3, 4, 8)  # chunks of fields that are summed where they lie


def numbers(params: Mapping[str, Value]) -> dict[str, int]:
    """Give the parameters that are single integers."""
    return {key: value for key, value in params.items() if isinstance(value, int)}


def weights_of(params: Mapping[str, Value]) -> np.ndarray:
    """Give the int8 weights, (output channels, taps)."""
    table = cast(Table, params["weights"])
    return table.values.reshape(len(table.values), -1)


def limits(params: Mapping[str, Value]) -> dict[str, Value]:
    """Give the parameters of the output's range."""
    return {key: params[key] for key in ("activation_min", "activation_max", "output_offset")}


def requantization(
    params: Mapping[str, Value], filters: np.ndarray
) -> tuple[dict[str, Value], np.ndarray] | None:
    """Give the parameters "scale" and "constants", and the filters to go with them.

    ``filters`` are the int8 weights, (output channels, taps). None where exactness is not proved.
    """
    params, filters = settle(params, filters)
    made = constants(params, filters)
    return None if made is None else (made, filters)


def constants(params: Mapping[str, Value], filters: np.ndarray) -> dict[str, Value] | None:
    """Give the parameters "scale" and "constants", or None where exactness is not proved."""
    line = lines(params, filters)
    scale, values = line if line is not None else (0, channels(params, filters))
    if values is None:
        return None
    return {"scale": scale, "constants": Table("int32_t", _padded(values, 0, 4), alignment=4)}


def direct(chunks: int) -> bool:
    """Whether fields of so many chunks can be summed where they lie."""
    return chunks in _DIRECT


def pack(fields: np.ndarray, direct: bool) -> Table:
    """Give the weights in the order of use: see ``nonn_helium_filters``.

    ``fields`` is (channels, chunks, up to 16). Channels and chunks are filled up with zeros.
    """
    even = _padded(_padded(fields, 2, CHUNK), 0, 4)
    pairs = even.reshape(len(even) // 2, 2, -1, CHUNK).swapaxes(1, 2)
    if direct:
        pairs[1::2] = pairs[1::2, ::-1].copy()
    else:
        pairs = pairs[:, [0, *range(pairs.shape[1] - 1, 0, -1)]]
    return Table("int8_t", np.ascontiguousarray(pairs), alignment=4)


def scratch(out_c: int, other_bytes: int, want: Want) -> tuple[int, int]:
    """Choose how many channels' sums are kept; give that and the bytes of scratch.

    ``other_bytes`` are those of scratch beside the sums. All channels at once need no second way over a tile.
    """
    rounded = out_c + -out_c % 4
    fits = rounded <= CHANNELS or 16 * rounded + other_bytes <= want.room
    at_once = rounded if fits else CHANNELS
    return at_once, 16 * at_once + other_bytes


def trail(lowest: np.ndarray, written: np.ndarray) -> int:
    """Distance that lets output overlap the input, for a layer that reads and writes in steps.

    ``lowest[i]`` is the lowest byte of the input that step i reads (its size if none), ``written[i]`` the
    bytes of output that are written behind it.
    """
    needed = np.minimum.accumulate(lowest[::-1])[::-1]
    return max(0, int((written[:-1] - needed[1:]).max(initial=0)))


def _padded(values: np.ndarray, axis: int, multiple: int) -> np.ndarray:
    widths = [(0, -size % multiple if at == axis else 0) for at, size in enumerate(values.shape)]
    return np.pad(values, widths)
