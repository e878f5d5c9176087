"""DEPTHWISE_CONV_2D 3x3 on Helium (firmware/include/nonn/kernels/depthwise_helium.h)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product
from typing import cast

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels import helium_tile as tile
from nonn_mcu.codegen.layer import Layer, Table

_SIX, _FIVE, _ANY, _HALF = range(4)  # NONN_DEPTHWISE_HELIUM_*
_CELL = 64
_PIXELS = 12  # outputs of a unit
_SUMS = 16 * _PIXELS  # bytes of a unit's sums
_PADDING = 16  # bytes of a pixel outside the image
_AHEAD = 65_535  # the tables hold offsets of 16 bits
_BLOCKS = ((0, 0), (0, 1), (1, 0), (1, 1))  # column and row of a patch's outputs, in the order of the sums


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take 3x3 filters of stride 1, two columns of outputs or more, or of stride 2 and an even width."""
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
    filters = cast(Table, params["weights"]).values.reshape(9, -1).T.copy()
    constants = tile.constants(params, filters)
    forms = [form for rows in range(1, shape.rows + 1) if (form := _Form.of(shape, rows)) is not None]
    if constants is None or not forms:
        return None
    form = _best(forms, want)
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
            "pitch": shape.pitch,
            "cells": shape.cells(form.rows),
            "kind": shape.kind,
            "zero_point": -size["input_offset"],
            "output_offset": params["output_offset"],
            "activation_min": params["activation_min"],
            "activation_max": params["activation_max"],
            "tile_rows": form.rows,
            "chunk": form.chunk,
            "units": len(form.units),
            "last_units": len(form.last),
            "last_halves": len(form.halves),
            "scale": constants["scale"],
            "tile": Table("uint16_t", form.units),
            "last_tile": Table("uint16_t", np.concatenate([form.last, form.halves])),
            "weights": Table("int8_t", filters),
            "constants": constants["constants"],
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
    """A layer that the kernel can do; ``rows`` are its rows of cells."""

    in_h: int
    in_w: int
    channels: int
    out_h: int
    out_w: int
    pad_h: int
    pad_w: int
    kind: int

    @classmethod
    def of(cls, size: Mapping[str, int]) -> _Shape | None:
        in_h, in_w, channels = size["in_h"], size["in_w"], size["in_c"]
        out_h, out_w = size["out_h"], size["out_w"]
        pad_h, pad_w = size["pad_h"], size["pad_w"]
        kind = _HALF if size["stride_h"] == 2 else _ANY if out_w < 5 else _FIVE if out_w == 5 else _SIX
        shape = cls(in_h, in_w, channels, out_h, out_w, pad_h, pad_w, kind)
        inside = out_w % 2 == 0 and out_w >= 6 and 2 * out_w - pad_w <= in_w
        narrow = out_w >= 2 and out_w + 2 - pad_w - in_w in (0, 1)
        fits = {1: narrow, 2: inside}.get(size["stride_h"], False)
        return shape if fits and max(pad_h, pad_w) <= 1 else None

    @property
    def per_row(self) -> int:
        """Rows of outputs of a row of cells."""
        return 1 if self.kind == _HALF else 2

    @property
    def rows(self) -> int:
        return -(-self.out_h // self.per_row)

    @property
    def pitch(self) -> int:
        """Cells of a row of them; with stride 1 the padding behind a row is that before the next."""
        return self.out_w // 2 * 3 + 1 if self.kind == _HALF else self.out_w + 2 - (self.pad_w & self.behind)

    @property
    def behind(self) -> int:
        """Columns of padding behind an image that is used with stride 1."""
        return self.out_w + 2 - self.pad_w - self.in_w

    def cells(self, rows: int) -> int:
        return rows * self.pitch + (0 if self.kind == _HALF else self.pad_w & self.behind)


@dataclass(frozen=True, eq=False)
class _Form:
    """Tiles of ``rows`` rows of cells, ``chunk`` units at a time; ``last`` and ``halves``: of the last tile."""

    rows: int
    chunk: int
    units: np.ndarray
    last: np.ndarray
    halves: np.ndarray
    scratch: int

    @classmethod
    def of(cls, shape: _Shape, rows: int) -> _Form | None:
        last_rows = (shape.rows - 1) % rows + 1
        odd = shape.kind != _HALF and shape.out_h % 2
        units = _units(shape, range(rows))
        last = _units(shape, range(last_rows - 1 if odd else last_rows))
        halves = _units(shape, range(last_rows - 1, last_rows), second=0) if odd else last[:0]
        if max(table.max(initial=0) for table in (units, last, halves)) > _AHEAD:
            return None
        chunk = max(len(units), len(last), len(halves)) if shape.kind != _HALF else min(2, len(units))
        scratch = shape.cells(rows) * _CELL + chunk * _SUMS + _PADDING
        types = [table.astype(np.uint16) for table in (units, last, halves)]
        return cls(rows, chunk, *types, scratch)


def _units(shape: _Shape, rows: range, second: int = 1) -> np.ndarray:
    """Where units start and end: (units, 16). ``second``: how far a patch's second row is below its first."""
    made = [_half_units(shape, rows)] if shape.kind == _HALF else [_row(shape, r, second) for r in rows]
    return np.array([unit for units in made for unit in units], np.int64).reshape(-1, 16)


def _row(shape: _Shape, row: int, second: int) -> list[list[int]]:
    """Units of stride 1 in one row of cells."""
    pixel = shape.channels
    first = row * shape.pitch
    most = shape.out_w - 2
    starts = [[0, 2, 4]]
    if shape.kind == _ANY:
        starts = [[0, min(2, most), most]]
    elif shape.kind == _SIX:
        starts = [[x, x + 2, x + 4] for x in sorted({*range(0, shape.out_w - 5, 6), shape.out_w - 6})]
    units = []
    for columns in starts:
        to = [
            (2 * row + second * y) * shape.out_w * pixel + min(x + dx, shape.out_w - 1) * pixel
            for x in columns
            for dx, y in _BLOCKS
        ]
        units.append([(first + x) * _CELL for x in columns] + [0] + to)
    return units


def _half_units(shape: _Shape, rows: range) -> list[list[int]]:
    """Units of stride 2: two times six outputs side by side, wherever they lie; the last may be repeated."""
    blocks = sorted({*range(0, shape.out_w - 5, 6), shape.out_w - 6})
    halves = list(product(rows, blocks))
    halves += halves[-1:] * (len(halves) % 2)
    units = []
    for i in range(0, len(halves), 2):
        pair = halves[i : i + 2]
        starts = [(row * shape.pitch + x // 2 * 3) * _CELL for row, x in pair]
        to = [(row * shape.out_w + x + dx) * shape.channels for row, x in pair for dx in range(6)]
        units.append([*starts, 0, 0, *to])
    return units


def _best(forms: list[_Form], want: Want) -> _Form:
    """Return the form with most rows in what room there is, else the leanest."""
    leanest = min(forms, key=lambda form: form.scratch)
    room = max(want.room, leanest.scratch)
    return max((form for form in forms if form.scratch <= room), key=lambda form: form.rows)
