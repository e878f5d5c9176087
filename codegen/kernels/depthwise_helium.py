"""DEPTHWISE_CONV_2D 3x3 on Helium (firmware/include/nonn/kernels/depthwise_helium.h)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels import helium_tile as tile
from nonn_mcu.codegen.kernels.constant_channels import settle
from nonn_mcu.codegen.layer import Layer, Table, Value

# NONN_DEPTHWISE_HELIUM_*
_SIX, _NARROW, _FIVE, _PATCHES, _NINE, _TRIPLES, _PAIRS, _NINE_PAIRS = range(8)
_PADDING = 16  # bytes of a pixel outside the image
_FURTHEST = (65_535, 32_767)  # that tables hold: offsets, differences
_TILES = ("first", "middle", "last")


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take filters of 3x3, stride 1 or 2, channels in fours and two columns of outputs or more."""
    params = layer.params
    size = tile.numbers(params)
    fits = (
        size["kernel_h"] == size["kernel_w"] == 3
        and size["stride_h"] == size["stride_w"]
        and size["dilation_h"] == size["dilation_w"] == size["depth_multiplier"] == 1
        and size["in_c"] % 4 == 0
    )
    shape = _Shape.of(size) if fits else None
    if shape is None:
        return None
    settled, filters = settle(params, cast(Table, params["weights"]).values.reshape(9, -1).T)
    constants = _constants(settled, filters)
    forms = _forms(shape)
    if constants is None or not forms:
        return None
    form = _best(forms, want)
    tables = [table.astype(np.uint16) for table in form.tiles]
    return Layer(
        kernel="depthwise_helium",
        params={
            "in_h": shape.in_h,
            "in_w": shape.in_w,
            "channels": shape.channels,
            "out_h": shape.out_h,
            "out_w": shape.out_w,
            "pad_h": shape.pad_h,
            "pad_w": shape.pad_w,
            "stride": shape.stride,
            "pitch": shape.pitch,
            "cells": shape.cells(form.rows),
            "kind": shape.kind,
            "zero_point": -size["input_offset"],
            "output_offset": params["output_offset"],
            "activation_min": params["activation_min"],
            "activation_max": params["activation_max"],
            "first_rows": form.first_rows,
            "rows": form.rows,
            **{f"{key}units": len(table) for key, table in zip(("first_", "", "last_"), tables, strict=True)},
            **{key: Table("uint16_t", table) for key, table in zip(_TILES, tables, strict=True)},
            "weights": Table("int8_t", _words(filters, shape.stride), alignment=4),
            "constants": Table("int32_t", constants, alignment=4),
        },
        inputs=layer.inputs,
        output=layer.output,
        scratch_bytes=form.scratch,
        trail=(0,),
        macs=layer.macs,
        notes=layer.notes,
    )


@dataclass(frozen=True)
class _Shape:
    """A layer that the kernel can do."""

    in_h: int
    in_w: int
    channels: int
    out_h: int
    out_w: int
    pad_h: int
    pad_w: int
    stride: int

    @classmethod
    def of(cls, size: Mapping[str, int]) -> _Shape | None:
        keys = ("in_h", "in_w", "in_c", "out_h", "out_w", "pad_h", "pad_w", "stride_h")
        shape = cls(*(size[key] for key in keys))
        fits = {
            1: shape.out_h >= 2 and shape.behind in (0, 1),
            2: 2 * shape.out_w - shape.pad_w <= shape.in_w,
        }.get(shape.stride, False)
        return shape if fits and shape.out_w >= 2 and max(shape.pad_h, shape.pad_w) <= 1 else None

    @property
    def kind(self) -> int:
        small = self.out_h == self.out_w == 3
        if self.stride == 2:
            if small:
                return _NINE_PAIRS
            return _TRIPLES if self.out_w % 6 == 0 or (self.out_w % 2 == 0 and self.out_w > 16) else _PAIRS
        if small:
            return _NINE
        if self.out_w <= 5:
            return _FIVE if self.out_w == 5 else _PATCHES
        return _NARROW if self.channels == 8 and self.in_w % 2 == 0 else _SIX

    @property
    def cell(self) -> int:
        """Bytes of a cell."""
        return 32 if self.kind == _NARROW else 64

    @property
    def pixels(self) -> int:
        """Outputs of a unit."""
        return 20 if self.kind == _FIVE else 12

    @property
    def rows(self) -> int:
        """Rows of cells: one for each row of outputs, or for two."""
        return self.out_h if self.stride == 2 else -(-self.out_h // 2)

    @property
    def pitch(self) -> int:
        """Cells of a row of them; with stride 1 the padding behind a row is that before the next."""
        if self.stride == 2:
            return self.out_w // 2 * 3 + (3 if self.out_w % 2 else 1)
        return self.out_w + 2 - (self.pad_w & self.behind)

    @property
    def behind(self) -> int:
        """Columns of padding behind an image that is used with stride 1."""
        return self.out_w + 2 - self.pad_w - self.in_w

    def cells(self, rows: int) -> int:
        return rows * self.pitch + (0 if self.stride == 2 else self.pad_w & self.behind)


@dataclass(frozen=True, eq=False)
class _Form:
    """Tiles of ``rows`` rows of cells but for the first.

    ``tiles`` are the tables of the first, the others and the last, ``time`` is in instructions a channel.
    """

    first_rows: int
    rows: int
    tiles: tuple[np.ndarray, np.ndarray, np.ndarray]
    scratch: int
    time: int


def _forms(shape: _Shape) -> list[_Form]:
    made = []
    odd = shape.stride == 1 and shape.out_h % 2 == 1
    least = shape.rows if shape.kind in (_NINE, _NINE_PAIRS) else 2 if odd else 1
    for rows in range(least, shape.rows + 1):
        number = -(-shape.rows // rows)
        first_rows = shape.rows - rows * (number - 1)
        # The row of outputs that each row of cells begins with.
        each = [row if shape.stride == 2 else 2 * row for row in range(rows)]
        ends = [*each[:-1], each[-1] - 1] if odd else each
        tiles = (_units(shape, each[:first_rows]), _units(shape, each), _units(shape, ends))
        if max(abs(table).max() for table in tiles) > _FURTHEST[shape.kind in (_PATCHES, _PAIRS)]:
            break
        counts = [len(tiles[0])] * (number > 1) + [len(tiles[1])] * (number - 2) + [len(tiles[2])]
        scratch = shape.cells(rows) * shape.cell + 16 * shape.pixels + _PADDING
        time = 3 * shape.pixels * sum(counts) + 8 * number
        made.append(_Form(first_rows, rows, tiles, scratch, time))
    return made


def _units(shape: _Shape, starts: list[int]) -> np.ndarray:
    """Tables of a tile, one a line, whose rows of cells begin with these rows of outputs."""
    parts = {_FIVE: _fives, _NINE: _nine, _TRIPLES: _triples, _PAIRS: _pairs, _NINE_PAIRS: _nine_pairs}.get(
        shape.kind, _patches
    )(shape, starts)
    units = []
    per_unit = shape.pixels // len(parts[0][1])
    parts = parts + parts[-1:] * (-len(parts) % per_unit)
    for i in range(0, len(parts), per_unit):
        unit = parts[i : i + per_unit]
        first, *others = [cell * shape.cell for part, _ in unit for cell in part]
        if shape.kind in (_SIX, _NARROW):
            others = []
        elif shape.kind in (_PATCHES, _PAIRS):
            others = [other - first for other in others]
        pixels = [(y * shape.out_w + x) * shape.channels for _, outputs in unit for y, x in outputs]
        units.append([first, *others, *pixels])
    return np.array(units, np.int64)


# What is computed together: where its cells begin, and the row and column of each output.
_Part = tuple[list[int], list[tuple[int, int]]]


def _patches(shape: _Shape, starts: list[int]) -> list[_Part]:
    """Stride 1: two columns of two rows of outputs."""
    most = shape.out_w - 2
    columns = [*range(0, most + 1, 2)] + [most] * (shape.out_w % 2)
    if shape.kind in (_SIX, _NARROW):
        blocks = sorted({*range(0, shape.out_w - 5, 6), shape.out_w - 6})
        columns = [x + dx for x in blocks for dx in (0, 2, 4)]
    return [([row * shape.pitch + x], _block(y, x, 2)) for row, y in enumerate(starts) for x in columns]


def _block(y: int, x: int, columns: int) -> list[tuple[int, int]]:
    """Two rows of outputs, column by column."""
    return [(y + dy, x + dx) for dx in range(columns) for dy in (0, 1)]


def _fives(shape: _Shape, starts: list[int]) -> list[_Part]:
    """Stride 1: two rows of cells, five columns of outputs; an odd row of cells comes twice."""
    rows = [*enumerate(starts), (len(starts) - 1, starts[-1])]
    return [
        (
            [first * shape.pitch, second * shape.pitch],
            [*_block(y, 0, 5), *_block(below, 4, 1), *_block(below, 0, 4)],
        )
        for (first, y), (second, below) in zip(rows[:-1:2], rows[1::2], strict=True)
    ]


def _nine(shape: _Shape, starts: list[int]) -> list[_Part]:
    """Stride 1, 3x3 outputs: a patch of four, its neighbours of two, one."""
    outputs = [*_block(0, 0, 3), (2, 0), (2, 1), (2, 2), (1, 2), (2, 0), (2, 1)]
    return [([0, shape.pitch], outputs)]


def _triples(shape: _Shape, starts: list[int]) -> list[_Part]:
    """Stride 2: six outputs side by side."""
    columns = sorted({*range(0, shape.out_w - 5, 6), shape.out_w - 6})
    return [
        ([row * shape.pitch + x // 2 * 3], [(y, x + dx) for dx in range(6)])
        for row, y in enumerate(starts)
        for x in columns
    ]


def _pairs(shape: _Shape, starts: list[int]) -> list[_Part]:
    """Stride 2: two outputs. Where the width is odd the last of a row has but one.

    The other is none. It goes where an output of the tile's last pair does, and before that one: pairs of
    one come first, and each row has a whole one besides.
    """
    whole = [
        ([row * shape.pitch + x // 2 * 3], [(y, x), (y, x + 1)])
        for row, y in enumerate(starts)
        for x in range(0, shape.out_w - 1, 2)
    ]
    last = shape.out_w - 1
    lone = [
        ([row * shape.pitch + last // 2 * 3], [(y, last), whole[-1][1][0]]) for row, y in enumerate(starts)
    ]
    return (lone if shape.out_w % 2 else []) + whole


def _nine_pairs(shape: _Shape, starts: list[int]) -> list[_Part]:
    """Stride 2, 3x3 outputs: in each row a pair and half of one."""
    outputs = [(0, 0), (0, 1), (0, 2), (1, 2), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (1, 1), (2, 0), (2, 1)]
    return [([row * shape.pitch for row in range(len(starts))], outputs)]


def _best(forms: list[_Form], want: Want) -> _Form:
    """Return what is nearly as fast as any form in what room there is.

    Without room a form may take 1.3 times as long as the fastest.
    """
    lean = [form for form in forms if form.time <= 1.3 * min(form.time for form in forms)]
    room = max(want.room, min(form.scratch for form in lean))
    fitting = [form for form in forms if form.scratch <= room]
    near = [form for form in fitting if form.time <= 1.02 * min(form.time for form in fitting)]
    return min(near, key=lambda form: (form.scratch, form.time))


def _constants(params: Mapping[str, Value], filters: np.ndarray) -> np.ndarray | None:
    """Give each four channels' scale and constants, or None where exactness is not proved."""
    made: list[np.ndarray] = []
    for first in range(0, len(filters), 4):
        four = slice(first, first + 4)
        own = {key: cast(Table, params[key]) for key in ("bias", "multiplier", "shift")}
        sliced = {key: replace(table, values=table.values[four]) for key, table in own.items()}
        constants = tile.constants({**params, **sliced}, filters[four])
        if constants is None:
            return None
        values = cast(Table, constants["constants"]).values
        made += [np.array([constants["scale"]]), values.reshape(-1)]
    return np.concatenate(made).astype(np.int32)


def _words(filters: np.ndarray, stride: int) -> np.ndarray:
    """Give filters, (channels, 9), as ``weights`` of the header: the taps in one cell make a word."""
    cells = ((0, 3, 6, 7), (2, 5, 8), (1, 4)) if stride == 2 else ((0, 3, 6), (1, 4, 7), (2, 5, 8))
    words = np.zeros((len(filters), 4, 4), np.int8)
    for cell, taps in enumerate(cells):
        words[:, cell, : len(taps)] = filters[:, taps]
    if stride == 2:
        words[:, 3] = words[:, 2]
        words[:, 2] = np.roll(words[:, 3], 2, axis=1)
    return np.concatenate([np.zeros(4, np.int8), words.reshape(-1)])
