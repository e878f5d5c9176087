"""FULLY_CONNECTED of one row on Helium (firmware/include/nonn/kernels/fully_connected_helium.h)."""

from __future__ import annotations

from typing import cast

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels import helium_tile as tile
from nonn_mcu.codegen.kernels.helium_requantize import channels
from nonn_mcu.codegen.kernels.sums import folded_bias, per_channel, sum_range
from nonn_mcu.codegen.layer import Layer, Table, Value

_EIGHT = 8  # units that are summed at a time
_SIXTEEN = [*range(0, 16, 4), *range(2, 16, 4), *range(1, 16, 4), *range(3, 16, 4)]
_RESIDENT = 6  # chunks of the input that stay in registers
_UNITS = 128  # whose sums are kept at a time


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take one row with right shifts only."""
    params = layer.params
    size = tile.numbers(params)
    filters = tile.weights_of(params)
    units, depth = filters.shape
    multiplier, shift = _entries(params["multiplier"]), _entries(params["shift"])
    bias = per_channel(params["bias"], units)
    largest = max(int(np.abs(end).max()) for end in sum_range(filters, bias, size["input_offset"]))
    # Beyond this the reference's output offset could take a result out of 32 bits.
    if size["rows"] != 1 or (shift > 0).any() or largest >= (1 << 31) - 256 or max(units, depth) >= 1 << 16:
        return None
    folded = folded_bias(filters, bias, size["input_offset"])
    # One multiplier for all, where the short form is proved for it.
    common = not size["per_unit"] and channels(params, filters) is not None
    multiplier, shift = (np.broadcast_to(row, 4 if common else units) for row in (multiplier, shift))
    most = min(units + -units % _EIGHT, _UNITS)
    return Layer(
        kernel="fully_connected_helium",
        params={
            "depth": depth,
            "units": units,
            "per_unit": int(not common),
            **tile.limits(params),
            "weights": _stream(filters, folded, common),
            "bias": _words(folded[units // _EIGHT * _EIGHT :]),
            "multiplier": _words(multiplier),
            "shift": _words(shift),
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=4 * most + (depth + -depth % tile.CHUNK if depth % tile.CHUNK else 0),
        macs=layer.macs,
        notes=layer.notes,
    )


def _stream(filters: np.ndarray, bias: np.ndarray, common: bool) -> Table:
    """Give weights and biases in the order of use."""
    chunks = np.pad(filters, [(0, 0), (0, -filters.shape[1] % tile.CHUNK)]).reshape(
        len(filters), -1, tile.CHUNK
    )
    units = np.arange(len(filters) // _EIGHT * _EIGHT)
    if common:
        sixteens = units[: len(units) // 16 * 16].reshape(-1, 16)
        sixteens[:] = sixteens[:, _SIXTEEN].copy()
    eights = chunks[units].reshape(-1, _EIGHT, chunks.shape[1], tile.CHUNK).swapaxes(1, 2)
    resident = range(min(chunks.shape[1], _RESIDENT) - 1, 0, -1)
    order = [0, *range(_RESIDENT, chunks.shape[1]), *resident]
    weights = eights[:, order].reshape(len(eights), _EIGHT * tile.CHUNK * len(order))
    biases = bias[units].astype(np.int32).astype("<i4").view(np.int8).reshape(len(eights), 4 * _EIGHT)
    rest = chunks[len(units) :].reshape(-1)
    return Table("int8_t", np.concatenate([np.hstack([biases, weights]).reshape(-1), rest]), alignment=4)


def _entries(table: Value) -> np.ndarray:
    return cast(Table, table).values.reshape(-1).astype(np.int64)


def _words(values: np.ndarray) -> Table:
    """Give int32 up to a multiple of four, and four at least; the bias wraps, as sums do."""
    return Table("int32_t", np.pad(values, (0, -len(values) % 4 or 4 * (not len(values)))).astype(np.int32))
