"""RESIZE_NEAREST_NEIGHBOR: source rows and columns are tables, so the device needs no floating point."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.arguments import integers, operands, require_int8, require_output_shape, require_rank
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer, Table
from nonn_mcu.codegen.trail import walk_trail
from nonn_mcu.codegen.unsupported import require

KINDS = ("RESIZE_NEAREST_NEIGHBOR",)


def lower(graph: Graph, op: Op) -> Layer:
    """Rank 4, NHWC; size a constant [height, width].

    Raises :class:`Unsupported`.
    """
    source, size = operands(graph, op, 2)
    require_int8(graph, op, source)
    require_rank(graph, op, source, 4, 4)
    target = integers(graph, op, size, "size")
    require(
        size.shape == (2,) and min(target) >= 1,
        graph,
        op,
        f"size {list(target)} must be a height and a width of at least 1",
    )
    batches, height, width, channels = source.shape
    require_output_shape(graph, op, (batches, *target, channels))
    align = bool(op.options["align_corners"])
    half = bool(op.options["half_pixel_centers"])
    rows = nearest(height, target[0], align, half)
    columns = nearest(width, target[1], align, half)
    images = walk_trail((batches,), (height * width,), (target[0] * target[1],))
    return Layer(
        kernel="resize_nearest_neighbor",
        params={
            "batches": batches,
            "channels": channels,
            "in_h": height,
            "in_w": width,
            "out_h": target[0],
            "out_w": target[1],
            "row": Table("uint16_t", rows),
            "column": Table("uint16_t", columns),
        },
        inputs=op.inputs[:1],
        output=op.outputs[0],
        trail=((images + _trail(rows, columns, width)) * channels,),
        notes=("align corners",) * align + ("half-pixel centres",) * half,
    )


def _trail(rows: np.ndarray, columns: np.ndarray, width: int) -> int:
    """Pixels by which an output image starts below its input: each is whole before its copy is begun.

    A row like the one before is copied from that.
    """
    read = np.flatnonzero(np.diff(rows.astype(np.int64), prepend=-1))
    down = read * len(columns) - rows[read].astype(np.int64) * width
    along = np.arange(1, len(columns) + 1) - columns.astype(np.int64)
    return max(0, int(down.max() + along.max()))


def nearest(size: int, target: int, align_corners: bool, half_pixel_centers: bool) -> np.ndarray:
    """Index into an axis of ``size`` elements for each of ``target`` outputs; uint16 [target].

    Single precision throughout, as the reference rounds. Source: GetNearestNeighbor in
    reference/resize_nearest_neighbor.h.
    """
    if align_corners and target > 1:
        scale = np.float32(size - 1) / np.float32(target - 1)
    else:
        scale = np.float32(size) / np.float32(target)
    offset = np.float32(0.5 if half_pixel_centers else 0.0)
    position = (np.arange(target, dtype=np.float32) + offset) * scale
    # A float32 position below 2^16 is exact in float64, and so is its half: this rounds ties away from zero.
    index = np.floor(position.astype(np.float64) + (0.5 if align_corners else 0.0))
    return np.minimum(index, size - 1).astype(np.uint16)
