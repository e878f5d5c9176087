"""CONV_2D, 3x3 and stride 1, on Helium (firmware/include/nonn/kernels/conv_3x3_helium.h)."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels import helium_tile as tile
from nonn_mcu.codegen.layer import Layer, Table

_GEOMETRY = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "pad_h", "pad_w")
_STEP = 96  # bytes of the panel for a row of taps of 16 channels
_ADDRESSES = 16  # bytes of the panel for those of the image's rows
_WASTE = 8  # one in so many pixels may be computed twice; with more the other kernel takes less


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take multiples of 16 channels without groups and dilation, where rows are nearly whole tiles."""
    params = layer.params
    size = tile.numbers(params)
    ones = all(size[f"{key}_{axis}"] == 1 for key in ("stride", "dilation") for axis in "hw")
    fits = (
        (size["kernel_h"], size["kernel_w"]) == (3, 3)
        and ones
        and size["kernel_c"] == size["in_c"]
        and size["in_c"] % tile.CHUNK == 0
        and size["out_w"] >= 4
        and -size["out_w"] % 4 * _WASTE <= size["out_w"]
    )
    made = tile.requantization(params, tile.weights_of(params)) if fits else None
    if made is None:
        return None
    constants, filters = made
    if size["out_w"] % 4:
        want = replace(want, room=0)
    panel_bytes = 3 * _STEP * size["in_c"] // tile.CHUNK
    panel_bytes += _ADDRESSES if size["in_c"] == tile.CHUNK else 0
    tiles, scratch_bytes = tile.tiles(size["out_c"], panel_bytes, 0, want)
    return Layer(
        kernel="conv_3x3_helium",
        params={
            **{key: params[key] for key in _GEOMETRY},
            "tiles": tiles,
            "zero_point": -size["input_offset"],
            **tile.limits(params),
            "scale": constants["scale"],
            "weights": _pack(filters),
            "constants": constants["constants"],
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=scratch_bytes,
        trail=(_trail(size),),
        macs=layer.macs,
        notes=layer.notes,
    )


def _pack(filters: np.ndarray) -> Table:
    """Order by pair, step, kernel column, channel of the pair; every other pair of a call backwards.

    A call does so many pairs that the first one of each is even.
    """
    even = np.pad(filters, [(0, len(filters) % 2), (0, 0)])
    taps = even.reshape(len(even) // 2, 2, 3, 3, -1, tile.CHUNK)  # pair, channel, row, column, slice, 16
    steps = taps.transpose(0, 4, 2, 3, 1, 5).reshape(len(taps), -1, 3, 2, tile.CHUNK)
    steps[1::2] = steps[1::2, ::-1].copy()
    return Table("int8_t", np.ascontiguousarray(steps), alignment=4)


def _trail(size: dict[str, int]) -> int:
    """Tiles of four columns are read, then written, the last of a row up to its end."""
    first = np.minimum(np.arange(0, size["out_w"], 4), size["out_w"] - 4)
    row = tile.first_inside(np.arange(size["out_h"]) - size["pad_h"], 3, 1, size["in_h"])[:, None]
    column = tile.first_inside(first - size["pad_w"], 6, 1, size["in_w"])
    lowest = np.minimum(row * size["in_w"] + column, size["in_h"] * size["in_w"]) * size["in_c"]
    written = (np.arange(size["out_h"])[:, None] * size["out_w"] + first + 4) * size["out_c"]
    return tile.trail(lowest.reshape(-1), written.reshape(-1))
