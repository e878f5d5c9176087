"""CONV_2D without groups on cores with the DSP extension (firmware/include/nonn/kernels/conv_dsp.h)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.line_requantize import straighten
from nonn_mcu.codegen.kernels.pack_pairs import in_pairs, pack
from nonn_mcu.codegen.kernels.short_requantize import shorten
from nonn_mcu.codegen.kernels.sums import folded_bias, per_channel, product_range
from nonn_mcu.codegen.layer import Layer, Table
from nonn_mcu.codegen.trail import window_axes, window_trail

_PIXELS = 3  # computed at a time
_THREE = 3  # steps that are made at a time
_LINES = (8, 12), (0, 4)  # scale and fraction of each two filters: the assembly has them
_STARTS = 2  # of the two sums of two filters
_SHORT = 8  # constants of two filters in the short form


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take a convolution that has no groups and whose sums and multipliers fit the short forms."""
    params = layer.params
    if params["kernel_c"] != params["in_c"]:
        return None
    size = {key: value for key, value in params.items() if isinstance(value, int)}
    filters = cast(Table, params["weights"]).values.reshape(size["out_c"], -1)
    bias, multiplier, shift = (
        per_channel(params[key], len(filters)) for key in ("bias", "multiplier", "shift")
    )
    words = pack(in_pairs(filters, size["kernel_h"]), whole=True)
    if words is None:
        return None
    pairs = words.shape[1]
    constants = _constants((multiplier, shift), filters, bias, size)
    if constants is None or pairs >= 1 << 16:
        return None
    if pointwise(size) and size["in_h"] * size["in_w"] < 1 << 16:
        # As one row there are no ends of rows, at which a pixel is left over.
        flat = size["in_h"] * size["in_w"]
        size |= {"in_h": 1, "in_w": flat, "out_h": 1, "out_w": flat}
    keys = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "kernel_h", "kernel_w")
    steps = ("stride_h", "stride_w", "dilation_h", "dilation_w", "pad_h", "pad_w")
    return Layer(
        kernel="conv_dsp",
        params={
            **{key: size[key] for key in (*keys, *steps)},
            "pairs": pairs,
            "zero_point": -size["input_offset"],
            "output_offset": size["output_offset"],
            "away": int(constants.shape[1] == _SHORT),
            "activation_min": size["activation_min"],
            "activation_max": size["activation_max"],
            "weights": Table("uint32_t", _stream(words, constants)),
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=_PIXELS * 4 * (pairs + (0 if inside(size) else -(-filters.shape[1] // 4))),
        trail=(trail(size, _PIXELS),),
        macs=layer.macs,
        cycles=cycles(size),
        notes=layer.notes,
    )


def cycles(size: Mapping[str, int]) -> int:
    """Estimate from measured layers: the products, what comes with an output, and the widened windows."""
    pixels, taps = size["out_h"] * size["out_w"], size["kernel_h"] * size["kernel_w"] * size["in_c"]
    return pixels * (size["out_c"] * (10 + taps * 105 // 100) + 3 * taps)


def pointwise(size: Mapping[str, int]) -> bool:
    """Say whether every output pixel is made of the input pixel at the same place."""
    return all(size[key] == 1 for key in ("kernel_h", "kernel_w", "stride_h", "stride_w"))


def inside(size: Mapping[str, int]) -> bool:
    """Say whether every window lies inside the image, its columns side by side: none is gathered."""
    return size["dilation_w"] == 1 and all(
        size[f"pad_{axis}"] == 0
        and (size[f"out_{axis}"] - 1) * size[f"stride_{axis}"]
        + (size[f"kernel_{axis}"] - 1) * size[f"dilation_{axis}"]
        < size[f"in_{axis}"]
        for axis in "hw"
    )


def trail(size: Mapping[str, int], pixels: int) -> int:
    """Distance that lets output overlap the input, when ``pixels`` at a time are read, then written."""
    rows, columns = window_axes(size)
    return window_trail(rows, columns, in_bytes=size["in_c"], out_bytes=size["out_c"], block=pixels)


def _constants(
    rule: tuple[np.ndarray, np.ndarray], filters: np.ndarray, bias: np.ndarray, size: Mapping[str, int]
) -> np.ndarray | None:
    """For each two filters the starts of their sums and the other constants, int64, or None."""
    products, base = product_range(filters), folded_bias(filters, bias, size["input_offset"])
    activation = size["activation_min"], size["activation_max"]
    multiplier, shift = (np.broadcast_to(part, base.shape) for part in rule)
    lines = []
    for own, form in enumerate(_LINES):
        every = slice(own, None, len(_LINES))
        line = straighten(
            (multiplier[every], shift[every]),
            (products[0][every], products[1][every]),
            base[every],
            (size["output_offset"], *activation),
            form,
        )
        if line is not None:
            lines.append(np.stack([line.start, line.multiplier, line.addend], axis=1).astype(np.int64))
    if len(lines) == len(_LINES):
        first, second = lines
        second = np.pad(second, ((0, len(first) - len(second)), (0, 0)))
        starts = first[:, :1] + second[:, :1], second[:, :1]
        return np.concatenate([*starts, first[:, 1:], second[:, 1:]], axis=1)
    sums = base + products[0], base + products[1]
    short = shorten(*rule, sums, size["output_offset"], activation)
    if short is None or not (short.shift > 0).all():
        return None
    table = np.stack([2 * base, short.multiplier, short.shift - 1], axis=1)
    table = np.pad(table, ((0, len(table) % 2), (0, 0))).reshape(-1, _SHORT - _STARTS)
    return np.pad(table, ((0, 0), (_STARTS, 0)))


def _stream(words: np.ndarray, constants: np.ndarray) -> np.ndarray:
    """For each two filters their words and constants in the order of use."""
    twos = words.transpose(0, 2, 1).reshape(-1, words.shape[1])[: len(constants)]
    first = (words.shape[1] - 1) % _THREE + 1
    wrapped = (constants & 0xFFFFFFFF).astype(np.uint32)
    starts, others = wrapped[:, :_STARTS], wrapped[:, _STARTS:]
    return np.concatenate([twos[:, :first], starts, twos[:, first:], others], axis=1)
