"""CONV_2D, 3x3 at stride 1 or 2, on Helium (firmware/include/nonn/kernels/conv_3x3_helium.h)."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels import helium_tile as tile
from nonn_mcu.codegen.layer import Layer, Table

_GEOMETRY = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "pad_h", "pad_w")
_REACH = {1: 6, 2: 9}  # columns that a tile's windows meet, by stride
_WASTE = 8  # one in so many pixels may be computed twice; with more the other kernel takes less


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take multiples of 16 channels without groups and dilation, where rows are nearly whole tiles."""
    params = layer.params
    size = tile.numbers(params)
    stride = size["stride_h"]
    fits = (
        (size["kernel_h"], size["kernel_w"]) == (3, 3)
        and size["stride_w"] == stride in _REACH
        and size["dilation_h"] == size["dilation_w"] == 1
        and size["kernel_c"] == size["in_c"]
        and size["in_c"] % tile.CHUNK == 0
        and size["out_w"] >= 4
        and -size["out_w"] % 4 * _WASTE <= size["out_w"]
        and size["pad_w"] < (size["out_w"] - 1) * stride + 3
    )
    made = tile.requantization(params, tile.weights_of(params)) if fits else None
    if made is None:
        return None
    constants, filters = made
    slices = size["in_c"] // tile.CHUNK
    columns = (size["out_w"] - 1) * stride + 3
    panel_bytes = 3 * tile.CHUNK * _REACH[stride] * slices if slices > 1 else 0
    ring_bytes = 3 * columns * size["in_c"]
    at_once, scratch_bytes = tile.scratch(size["out_c"], panel_bytes + ring_bytes, want)
    return Layer(
        kernel="conv_3x3_helium",
        params={
            **{key: params[key] for key in _GEOMETRY},
            "used_w": min(size["in_w"], columns - size["pad_w"]),
            "columns": columns,
            "at_once": at_once,
            "stride": stride,
            "zero_point": -size["input_offset"],
            **tile.limits(params),
            "scale": constants["scale"],
            "weights": _pack(filters, stride),
            "constants": constants["constants"],
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=scratch_bytes,
        trail=(_trail(size),),
        macs=layer.macs,
        notes=layer.notes,
    )


def _pack(filters: np.ndarray, stride: int) -> Table:
    """Order by pair, step, kernel column, channel of the pair; every other pair backwards."""
    even = np.pad(filters, [(0, -len(filters) % 4), (0, 0)])
    taps = even.reshape(len(even) // 2, 2, 3, 3, -1, tile.CHUNK)  # pair, channel, row, column, slice, 16
    steps = taps.transpose(0, 4, 2, 3, 1, 5).reshape(len(taps), -1, 3, 2, tile.CHUNK)
    steps[1::2] = steps[1::2, ::-1].copy()
    if stride == 2:
        steps = np.concatenate([steps[:, :1, [1, 2, 0]], steps[:, 1:, [0, 2, 1]]], axis=1)
    return Table("int8_t", np.ascontiguousarray(steps), alignment=4)


def _trail(size: dict[str, int]) -> int:
    """Rows are copied to the ring, then a row of outputs is written."""
    bottom = np.arange(size["out_h"]) * size["stride_h"] - size["pad_h"] + 2
    above = np.concatenate([[-1], bottom[:-1]])
    first = np.clip(above + 1, 0, size["in_h"])
    written = (np.arange(size["out_h"]) + 1) * size["out_w"]
    return tile.trail(first * size["in_w"] * size["in_c"], written * size["out_c"])
