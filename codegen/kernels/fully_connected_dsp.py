"""FULLY_CONNECTED on cores with the DSP extension (firmware/include/nonn/kernels/fully_connected_dsp.h)."""

from __future__ import annotations

from typing import cast

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.pack_pairs import in_pairs, pack
from nonn_mcu.codegen.kernels.short_requantize import shorten
from nonn_mcu.codegen.kernels.sums import folded_bias, per_channel, sum_range
from nonn_mcu.codegen.layer import Layer, Table


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take a matrix product whose sums and multipliers fit the short form, of any depth."""
    params = layer.params
    size = {key: value for key, value in params.items() if isinstance(value, int)}
    units, depth = size["units"], size["depth"]
    filters = cast(Table, params["weights"]).values.reshape(units, depth)
    bias, multiplier, shift = (per_channel(params[key], units) for key in ("bias", "multiplier", "shift"))
    short = shorten(
        multiplier,
        shift,
        sum_range(filters, bias, size["input_offset"]),
        size["output_offset"],
        (size["activation_min"], size["activation_max"]),
    )
    words = pack(in_pairs(_end_first(filters), 1), whole=False)
    if short is None or words is None or not (short.shift > 0).all():
        return None
    twice = 2 * folded_bias(filters, bias, size["input_offset"])
    constants = np.stack([short.multiplier, short.addend, short.shift], axis=1)
    one_for_all = bool((constants == constants[0]).all())
    return Layer(
        kernel="fully_connected_dsp",
        params={
            "rows": size["rows"],
            "depth": depth,
            "units": units,
            "per_unit": int(not one_for_all),
            "activation_min": size["activation_min"],
            "activation_max": size["activation_max"],
            "weights": Table("uint32_t", words),
            "bias": Table("int32_t", _wrapped(twice)),
            "constants": Table("int32_t", constants[:1] if one_for_all else constants),
        },
        inputs=layer.inputs,
        output=layer.output,
        trail=(_trail(size["rows"], depth, units),),
        macs=layer.macs,
        notes=layer.notes,
    )


def _trail(rows: int, depth: int, units: int) -> int:
    """All but the last four units of a row are written while the whole row is still to be read."""
    before_last = (units - 1) // 4 * 4
    return before_last + (rows - 1) * max(0, units - depth)


def _end_first(filters: np.ndarray) -> np.ndarray:
    """Fill the odd end of the depth up with zeros to a word of four, and put it first."""
    whole = filters.shape[1] // 4 * 4
    end = np.pad(filters[:, whole:], ((0, 0), (0, (whole - filters.shape[1]) % 4)))
    return np.concatenate([end, filters[:, :whole]], axis=1)


def _wrapped(values: np.ndarray) -> np.ndarray:
    return (values & 0xFFFFFFFF).astype(np.uint32).view(np.int32)
