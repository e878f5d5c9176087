"""3x3 convolutions at stride 1 by Winograd's F(2x2, 3x3), for the DSP extension.

The kernel's header says how it computes. What has to be proved here: four times the sum of products fits 32
bits, as does twice the sum with the bias; the rest is :mod:`.short_requantize`, whose form with ties away
from zero serves whatever is clamped afterwards. Scratch holds a batch of transformed tiles; each batch
transforms all filters again, so that a large one is faster. How large it is, and whether the direct kernel is
better, is told by cycles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.short_requantize import folded_bias, product_range, shorten
from nonn_mcu.codegen.layer import Layer, Table, Value
from nonn_mcu.codegen.quantize import INT32_MAX, INT32_MIN

_BLOCK = 4  # tiles that are multiplied at a time
_GROUP = 16  # channels of the unrolled loop
_TAPS = 3


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take what fits the kernel, is exact, and is faster than the direct kernel in the room there is."""
    size = {key: value for key, value in layer.params.items() if isinstance(value, int)}
    if not _fits(size):
        return None
    apart = _is_read_later(graph, layer)
    image = Image(size["out_h"], size["out_w"], size["in_c"], size["out_c"], apart)
    batch = image.best_batch(want.room)
    if batch is None:
        return None
    tables = _tables(layer, size)
    if tables is None:
        return None
    return replace(
        layer,
        kernel="winograd_dsp",
        params={
            **{key: size[key] for key in ("in_h", "in_w", "in_c", "out_h", "out_w", "out_c")},
            "batch": batch,
            "pad_h": size["pad_h"],
            "pad_w": size["pad_w"],
            "apart": int(apart),
            "zero_point": -size["input_offset"],
            "activation_min": size["activation_min"],
            "activation_max": size["activation_max"],
            **tables,
        },
        scratch_bytes=image.scratch_bytes(batch),
        trail=(None if apart else _trail(size, image.batches(batch)),),
        notes=(*layer.notes, f"{max(image.batches(batch))} tiles at a time"),
    )


@dataclass(frozen=True)
class Image:
    """Outputs and channels of a layer, and what the kernel takes for it.

    ``apart``: the output shares no memory with the input, so that its end can hold tiles.
    """

    out_h: int
    out_w: int
    in_c: int
    out_c: int
    apart: bool

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
        """Two filters, their products with a block of tiles, and the tiles of a batch."""
        return 64 * self.in_c + 512 + batch * self.tile_bytes

    def batches(self, batch: int) -> list[int]:
        """Tiles of each batch; the kernel has the same rule."""
        sizes = []
        done = 0
        row = self.out_w * self.out_c
        while done < self.tiles:
            most = batch
            while self.apart:
                rows = -(-(done % self.across + most + _BLOCK) // self.across) * 2
                start = (self.out_h * row & ~3) - (most + _BLOCK) * self.tile_bytes
                if (done // self.across * 2 + rows) * row > start:
                    break
                most += _BLOCK
            sizes.append(min(most, self.tiles - done))
            done += sizes[-1]
        return sizes

    def best_batch(self, room: int) -> int | None:
        """Choose the fastest size of a batch, or None where the direct kernel is as fast."""
        most = min((room - self.scratch_bytes(0)) // self.tile_bytes, -(-self.tiles // _BLOCK) * _BLOCK)
        sizes = range(_BLOCK, most + 1, _BLOCK)
        best = min(sizes, key=lambda batch: (self.cycles(batch), batch), default=None)
        return None if best is None or self.cycles(best) >= self.direct_cycles() else best

    def cycles(self, batch: int) -> int:
        """Estimate the kernel's cycles from what its parts take."""
        sizes = self.batches(batch)
        blocks = sum(-(-size // _BLOCK) for size in sizes)
        transform = self.tiles * (100 + 50 * self.in_c)
        filters = len(sizes) * (60 + 65 * self.in_c)
        multiply = blocks * (100 + 16 * (24 + 145 * (self.in_c // _GROUP)))
        return transform + self.out_c // 2 * (filters + multiply + self.tiles * 2 * 86)

    def direct_cycles(self) -> int:
        """Estimate the cycles of :mod:`.conv_dsp`."""
        pixels, taps = self.out_h * self.out_w, _TAPS * _TAPS * self.in_c
        return pixels * (self.out_c * (23 + taps * 93 // 100) + 3 * taps)


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


def _tables(layer: Layer, size: dict[str, int]) -> dict[str, Value] | None:
    """Give the constants as the kernel reads them, or None where they are not exact."""
    filters = _values(layer.params["weights"]).reshape(size["out_c"], -1)
    bias = None if layer.params["bias"] is None else _values(layer.params["bias"])
    products = product_range(filters)
    base = folded_bias(filters, bias, size["input_offset"])
    fourfold = 4 * np.concatenate(products)
    if fourfold.min() < INT32_MIN or fourfold.max() > INT32_MAX:
        return None
    if np.abs(base).max() > INT32_MAX // 2:
        return None
    short = shorten(
        _values(layer.params["multiplier"]),
        _values(layer.params["shift"]),
        (base + products[0], base + products[1]),
        size["output_offset"],
        (size["activation_min"], size["activation_max"]),
    )
    if short is None or short.shift.min() < 1:
        return None
    taps = filters.reshape(size["out_c"], _TAPS, _TAPS, size["in_c"] // 4, 4)[:, [0, 2, 1]]
    words = np.ascontiguousarray(taps.transpose(0, 3, 1, 2, 4)).view("<i4")
    channels = np.stack([2 * base, short.multiplier, short.addend, short.shift], axis=1)
    return {
        "weights": Table("int32_t", words.reshape(size["out_c"], -1).astype(np.int32)),
        "channels": Table("int32_t", channels.astype(np.int32)),
    }


def _trail(size: dict[str, int], batches: list[int]) -> int:
    """Distance that lets output overlap the input, as each batch reads first and then writes.

    What the next tile reads first is the lowest of all that is still to be read.
    """
    across = -(-size["out_w"] // 2)
    trail = 0
    for following in accumulate(batches[:-1]):
        y, x = (2 * place for place in divmod(following - 1, across))
        last = min(y + 1, size["out_h"] - 1) * size["out_w"] + min(x + 2, size["out_w"])
        y, x = (2 * place for place in divmod(following, across))
        first = max(y - size["pad_h"], 0) * size["in_w"] + max(x - size["pad_w"], 0)
        trail = max(trail, last * size["out_c"] - first * size["in_c"])
    return trail


def _values(value: Value) -> np.ndarray:
    assert isinstance(value, Table)
    return value.values
