"""CONV_2D without groups on Helium (firmware/include/nonn/kernels/conv_helium.h)."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels import helium_tile as tile
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.trail import window_axes, window_trail

_GEOMETRY = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kernel_h", "kernel_w")
_STEPS = ("stride_h", "stride_w", "dilation_h", "dilation_w", "pad_h", "pad_w")


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take a convolution that has no groups and whose requantisation is proved."""
    params = layer.params
    if params["kernel_c"] != params["in_c"]:
        return None
    size = _flat(tile.numbers(params))
    made = tile.requantization(params, tile.weights_of(params))
    chunks = size["kernel_h"] * size["kernel_w"] * -(-size["in_c"] // tile.CHUNK)
    if made is None or chunks >= 1 << 16:
        return None
    constants, filters = made
    direct = tile.direct(chunks) and _single(size)
    at_once, scratch_bytes = _scratch(size, chunks, direct, want)
    return Layer(
        kernel="conv_helium",
        params={
            **{key: size[key] for key in (*_GEOMETRY, *_STEPS)},
            "at_once": at_once,
            "direct": int(direct),
            "zero_point": -size["input_offset"],
            **tile.limits(params),
            "scale": constants["scale"],
            "weights": tile.pack(_fields(filters, size["in_c"]), direct),
            "constants": constants["constants"],
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=scratch_bytes,
        trail=(window_trail(*window_axes(size), in_bytes=size["in_c"], out_bytes=size["out_c"], block=4),),
        macs=layer.macs,
        notes=layer.notes,
    )


def _single(size: dict[str, int]) -> bool:
    """Whether fields are single pixels of the image."""
    inside = all((size[f"out_{axis}"] - 1) * size[f"stride_{axis}"] < size[f"in_{axis}"] for axis in "hw")
    ones = size["kernel_h"] * size["kernel_w"] == 1
    return ones and inside and size["pad_h"] == size["pad_w"] == 0


def _scratch(size: dict[str, int], chunks: int, direct: bool, want: Want) -> tuple[int, int]:
    """Leave out the panel where all pixels serve where they lie."""
    if direct and size["in_c"] % tile.CHUNK == 0 and size["out_c"] % 4 == 0:
        at_once, scratch_bytes = tile.scratch(size["out_c"], 0, want)
        if at_once >= size["out_c"]:
            return at_once, scratch_bytes
    return tile.scratch(size["out_c"], 4 * tile.CHUNK * chunks, want)


def _flat(size: dict[str, int]) -> dict[str, int]:
    """See single pixels one by one as one row, so that any four that follow each other are a tile."""
    ones = all(size[f"{key}_{axis}"] == 1 for key in ("kernel", "stride") for axis in "hw")
    pixels = size["in_h"] * size["in_w"]
    if not ones or pixels >= 1 << 16 or (size["out_h"], size["out_w"]) != (size["in_h"], size["in_w"]):
        return size
    return {**size, "in_h": 1, "out_h": 1, "in_w": pixels, "out_w": pixels}


def _fields(filters: np.ndarray, in_c: int) -> np.ndarray:
    """Each tap's channels in chunks of their own: (channels, chunks, up to 16)."""
    taps = filters.reshape(len(filters), -1, in_c)
    wide = np.pad(taps, [(0, 0), (0, 0), (0, -in_c % tile.CHUNK if in_c > tile.CHUNK else 0)])
    return wide.reshape(len(filters), -1, min(in_c, tile.CHUNK))
