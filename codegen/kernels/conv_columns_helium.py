"""CONV_2D with few input channels on Helium (firmware/include/nonn/kernels/conv_columns_helium.h)."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels import helium_tile as tile
from nonn_mcu.codegen.layer import Layer

_GEOMETRY = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kernel_h", "kernel_w")
_STEPS = ("stride_h", "stride_w", "pad_h", "pad_w")


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take a convolution of less than 16 channels whose columns a scatter of 16 bytes reaches."""
    params = layer.params
    size = tile.numbers(params)
    in_c, column = size["in_c"], size["kernel_h"] * size["in_c"]
    fits = (
        size["kernel_c"] == in_c < tile.CHUNK
        and size["dilation_h"] == size["dilation_w"] == 1
        and size["kernel_h"] * size["kernel_w"] > 1
        and 15 // in_c * column + 15 % in_c < 256
    )
    made = tile.requantization(params, tile.weights_of(params)) if fits else None
    if made is None:
        return None
    constants, filters = made
    chunks = -(-size["kernel_w"] * column // tile.CHUNK)
    reach = (size["out_w"] - 1) * size["stride_w"]
    used = min(size["in_w"], reach + size["kernel_w"] - size["pad_w"])
    columns_bytes = max(reach * column + tile.CHUNK * chunks, (size["pad_w"] + used) * column)
    if columns_bytes >= 1 << 16:
        return None
    buffers = {0: 1}.get(size["out_w"] % 4, 4 if size["out_w"] == 1 else 2)
    panel_bytes = 0 if tile.direct(chunks) else 4 * tile.CHUNK * chunks
    at_once, scratch_bytes = tile.scratch(size["out_c"], panel_bytes + buffers * columns_bytes, want)
    return Layer(
        kernel="conv_columns_helium",
        params={
            **{key: params[key] for key in (*_GEOMETRY, *_STEPS)},
            "used_w": used,
            "columns_bytes": columns_bytes,
            "buffers": buffers,
            "at_once": at_once,
            "zero_point": -size["input_offset"],
            **tile.limits(params),
            "scale": constants["scale"],
            "weights": tile.pack(_fields(filters, size), tile.direct(chunks)),
            "constants": constants["constants"],
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=scratch_bytes,
        trail=(_trail(size),),
        macs=layer.macs,
        notes=layer.notes,
    )


def _fields(filters: np.ndarray, size: dict[str, int]) -> np.ndarray:
    """Order taps by column, then row: (channels, chunks, 16)."""
    taps = filters.reshape(len(filters), size["kernel_h"], size["kernel_w"], size["in_c"])
    flat = taps.swapaxes(1, 2).reshape(len(filters), -1)
    return np.pad(flat, [(0, 0), (0, -flat.shape[1] % tile.CHUNK)]).reshape(len(filters), -1, tile.CHUNK)


def _trail(size: dict[str, int]) -> int:
    """Count in steps of a row of outputs, which first lays out what it needs of the image.

    A tile of four pixels that goes over the end of a row is written in the next step.
    """
    origins = np.arange(size["out_h"]) * size["stride_h"] - size["pad_h"]
    row = _first_inside(origins, size["kernel_h"], 1, size["in_h"])
    written = (np.arange(size["out_h"]) + 1) * size["out_w"] // 4 * 4
    return tile.trail(row * size["in_w"] * size["in_c"], written * size["out_c"])


def _first_inside(origins: np.ndarray, taps: int, dilation: int, size: int) -> np.ndarray:
    """First position of each window that lies in [0, size); ``size`` where there is none."""
    skipped = np.maximum(-(origins // dilation), 0)
    first = origins + skipped * dilation
    return np.where((skipped < taps) & (first < size), first, size)
