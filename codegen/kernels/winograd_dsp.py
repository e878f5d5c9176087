"""3x3 convolutions at stride 1 by Winograd's F(2x2, 3x3), for the DSP extension.

The kernel's header says how it computes. What has to be proved here: of four times the sum of products, bias
included, what the two inner rows of positions give fits 32 bits, as does its half. That part is the sum of
products of a filter whose outer rows are added and stand on one row of inputs, so that it stays within the
range of all products. The rest is :mod:`.line_requantize`, or where there is no line
:mod:`.short_requantize`, whose form with ties away from zero serves whatever is clamped afterwards.

Scratch holds a batch of transformed tiles; each batch transforms all filters again but the two that the one
before ended on, so that a large one is faster. How large it is, and whether the direct kernel is better, is
told by cycles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate
from typing import ClassVar, cast

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want, conv_dsp
from nonn_mcu.codegen.kernels.line_requantize import straighten
from nonn_mcu.codegen.kernels.short_requantize import shorten
from nonn_mcu.codegen.kernels.sums import folded_bias, per_channel, product_range
from nonn_mcu.codegen.layer import Layer, Table, Value
from nonn_mcu.codegen.quantize import INT32_MAX, INT32_MIN

_BLOCK = 4  # tiles that are multiplied at a time
_MOST = 0xFFFC  # tiles of a batch: the parameter has 16 bits
_GROUP = 16  # channels of the unrolled loop
_TAPS = 3
_G = np.array([[1, 0, 0], [1, 1, 1], [1, -1, 1], [0, 0, 1]], np.int16)
_LINE = (1, 5)  # scale and fraction: the assembly has them
_SUMS = 512  # bytes of the products of two filters with a block


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take what fits the kernel, is exact, and is faster than the direct kernel in the room there is."""
    size = {key: value for key, value in layer.params.items() if isinstance(value, int)}
    if not _fits(size):
        return None
    apart, transformed = _is_read_later(graph, layer), want.goal == "speed"
    image = Image(apart=apart, transformed=transformed, **{name: size[name] for name in Image.SIZES})
    batch = image.best_batch(want.room)
    if batch is None:
        return None
    found = _tables(layer, size, transformed)
    if found is None:
        return None
    away, tables = found
    return replace(
        layer,
        kernel="winograd_dsp",
        params={
            **{key: size[key] for key in ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c")},
            "batch": batch,
            "pad_h": size["pad_h"],
            "pad_w": size["pad_w"],
            "apart": int(apart),
            "transformed": int(transformed),
            "away": int(away),
            "zero_point": -size["input_offset"],
            "activation_min": size["activation_min"],
            "activation_max": size["activation_max"],
            **tables,
        },
        scratch_bytes=image.scratch_bytes(batch),
        trail=(None if apart else image.trail(batch),),
        cycles=image.cycles(batch),
        notes=(*layer.notes, f"{max(image.batches(batch))} tiles at a time"),
    )


@dataclass(frozen=True)
class Image:
    """Outputs and channels of a layer, and what the kernel takes for it.

    ``apart``: the output shares no memory with the input, so that its end can hold tiles.
    ``transformed``: the filters in flash are, which takes 32 bytes for 9.
    """

    SIZES: ClassVar = ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c", "pad_h", "pad_w")

    in_h: int
    in_w: int
    in_c: int
    out_h: int
    out_w: int
    out_c: int
    pad_h: int
    pad_w: int
    apart: bool
    transformed: bool

    @property
    def across(self) -> int:
        """How many tiles of 2x2 outputs a row has."""
        return -(-self.out_w // 2)

    @property
    def tiles(self) -> int:
        """How many tiles of 2x2 outputs there are."""
        return -(-self.out_h // 2) * self.across

    @property
    def tile_bytes(self) -> int:
        """Memory of one transformed tile."""
        return 32 * self.in_c + 12

    def scratch_bytes(self, batch: int) -> int:
        """Two filters unless they are in flash, a patch or the products of a block, the tiles of a batch."""
        filters = 0 if self.transformed else 64 * self.in_c
        return filters + max(_SUMS, 16 * self.in_c) + batch * self.tile_bytes

    def batches(self, batch: int) -> list[int]:
        """Tiles of each batch; the kernel has the same rule."""
        sizes = []
        done = 0
        row = self.out_w * self.out_c
        while done < self.tiles:
            most = batch
            while self.apart:
                y, x = (2 * place for place in divmod(done + most + _BLOCK - 1, self.across))
                start = (self.out_h * row & ~3) - (most + _BLOCK - batch) * self.tile_bytes
                if (y + 1) * row + (x + 2) * self.out_c > start:
                    break
                most += _BLOCK
            sizes.append(min(most, self.tiles - done))
            done += sizes[-1]
        return sizes

    def trail(self, batch: int) -> int:
        """Distance that lets output overlap the input, as each batch reads first and then writes.

        What the next tile reads first is the lowest of all that is still to be read.
        """
        trail = 0
        for following in accumulate(self.batches(batch)[:-1]):
            y, x = (2 * place for place in divmod(following - 1, self.across))
            last = min(y + 1, self.out_h - 1) * self.out_w + min(x + 2, self.out_w)
            y, x = (2 * place for place in divmod(following, self.across))
            first = max(y - self.pad_h, 0) * self.in_w + max(x - self.pad_w, 0)
            trail = max(trail, last * self.out_c - first * self.in_c)
        return trail

    def nearest_trail(self) -> int:
        """Distance that a kernel needs which reads the window of a pixel and then writes it."""
        pixels = np.arange(self.out_h * self.out_w)
        y, x = np.divmod(pixels, self.out_w)
        first = np.maximum(y - self.pad_h, 0) * self.in_w + np.maximum(x - self.pad_w, 0)
        return max(0, int((pixels * self.out_c - first * self.in_c).max()))

    def best_batch(self, room: int) -> int | None:
        """Choose the fastest size of a batch, or None where the direct kernel is as fast.

        What the output starts further below the input than with a kernel that goes pixel by pixel counts
        as scratch.
        """
        near = self.nearest_trail()
        best = None
        for batch in range(_BLOCK, min(self.tiles + _BLOCK, _MOST + 1), _BLOCK):
            bytes_ = self.scratch_bytes(batch)
            if bytes_ > room:
                break
            if self.apart or bytes_ + max(0, self.trail(batch) - near) <= room:
                best = min(best or batch, batch, key=self.cycles)
        return None if best is None or self.cycles(best) >= self.direct_cycles() else best

    def cycles(self, batch: int) -> int:
        """Estimate the kernel's cycles from what its parts take."""
        sizes = self.batches(batch)
        blocks = sum(-(-size // _BLOCK) for size in sizes)
        transform = self.tiles * (100 + 50 * self.in_c)
        pairs = self.out_c // 2
        filters = 0 if self.transformed else (1 + len(sizes) * (pairs - 1)) * (60 + 65 * self.in_c)
        multiply = blocks * (100 + 16 * (5 + 149 * (self.in_c // _GROUP)))
        return transform + filters + pairs * (multiply + self.tiles * 2 * 86)

    def direct_cycles(self) -> int:
        """Give the estimate of :mod:`.conv_dsp`."""
        size = {key: getattr(self, key) for key in self.SIZES}
        return conv_dsp.cycles(size | {"kernel_h": _TAPS, "kernel_w": _TAPS})


def _is_read_later(graph: Graph, layer: Layer) -> bool:
    """Say whether the input lives on behind this layer, so that no output may lie over it."""
    (source,) = layer.inputs
    own = next(number for number, op in enumerate(graph.ops) if layer.output in op.outputs)
    return source in graph.outputs or any(source in op.inputs for op in graph.ops[own + 1 :])


def _fits(size: dict[str, int]) -> bool:
    ones = ("stride_h", "stride_w", "dilation_h", "dilation_w")
    return (
        size["kernel_h"] == size["kernel_w"] == _TAPS
        and all(size[key] == 1 for key in ones)
        and size["kernel_c"] == size["in_c"]
        and size["in_c"] % _GROUP == 0
        and size["out_c"] % 2 == 0
        and max(size["pad_h"], size["pad_w"]) <= 1
    )


def _tables(layer: Layer, size: dict[str, int], transformed: bool) -> tuple[bool, dict[str, Value]] | None:
    """Say whether ties go away from zero and give the constants; None where they are not exact."""
    filters = cast(Table, layer.params["weights"]).values.reshape(size["out_c"], -1)
    bias, multiplier, shift = (
        per_channel(layer.params[key], len(filters)) for key in ("bias", "multiplier", "shift")
    )
    products = product_range(filters)
    base = folded_bias(filters, bias, size["input_offset"])
    found = _channels((multiplier, shift), products, base, size)
    if found is None:
        return None
    away, channels = found
    fourfold = channels[:, 0] + 4 * np.stack(products)
    if fourfold.min() < INT32_MIN or fourfold.max() > INT32_MAX:
        return None
    pack = _transformed if transformed else _plain
    return away, {
        "weights": Table("int32_t", pack(filters.reshape(size["out_c"], _TAPS, _TAPS, size["in_c"]))),
        "channels": Table("int32_t", channels.astype(np.int32)),
    }


def _channels(
    rule: tuple[np.ndarray, np.ndarray],
    products: tuple[np.ndarray, np.ndarray],
    base: np.ndarray,
    size: dict[str, int],
) -> tuple[bool, np.ndarray] | None:
    """Say whether ties go away from zero, and give each channel's constants, int64.

    The first of them is added to four times the sum of products.
    """
    offset, activation = size["output_offset"], (size["activation_min"], size["activation_max"])
    line = straighten(rule, products, base, (offset, *activation), _LINE)
    if line is not None:
        start = 2 * line.start.astype(np.int64)
        nothing = np.zeros_like(start)
        return False, np.stack([start, line.multiplier, line.addend, nothing], axis=1)
    short = shorten(*rule, (base + products[0], base + products[1]), offset, activation)
    if short is None or short.shift.min() < 1:
        return None
    return True, np.stack([4 * base, short.multiplier, short.addend, short.shift], axis=1)


def _plain(filters: np.ndarray) -> np.ndarray:
    """Four channels to a word, rows in the order in which they are added."""
    out_c, _, _, in_c = filters.shape
    taps = filters.reshape(out_c, _TAPS, _TAPS, in_c // 4, 4)[:, [0, 2, 1]].transpose(0, 3, 1, 2, 4)
    return np.ascontiguousarray(taps).view("<i4").reshape(out_c, -1).astype(np.int32)


def _transformed(filters: np.ndarray) -> np.ndarray:
    """Transform the filters as the kernel does otherwise: pairs of channels 0 and 2, 1 and 3 of four."""
    out_c, _, _, in_c = filters.shape
    u = np.einsum("iy,oyxc,jx->oijc", _G, filters.astype(np.int16), _G)
    parts = u.reshape(out_c // 2, 2, 16, in_c // _GROUP, _GROUP // 4, 2, 2)
    words = np.ascontiguousarray(parts.transpose(0, 3, 2, 4, 6, 1, 5)).astype("<i2").view("<i4")
    return words.reshape(out_c // 2, -1).astype(np.int32)
