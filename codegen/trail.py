"""How far an output must start below a dying input for both to share memory: :attr:`.layer.Layer.trail`.

A kernel writes its output from front to back, step by step. What a step reads must not have been written by
then: the distance is the most, over all steps, of output bytes that may be written before the step's reads
are over, less the first input byte among them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Axis:
    """One axis of a sliding window; ``size`` and ``out`` count positions of the input and the output."""

    size: int
    out: int
    taps: int
    stride: int
    pad: int
    dilation: int = 1

    def first_reads(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the output positions with a tap inside the input, and where the first such tap is."""
        positions = np.arange(self.out, dtype=np.int64)
        origin = positions * self.stride - self.pad
        skipped = -(np.minimum(origin, 0) // self.dilation)
        first = origin + skipped * self.dilation
        inside = (skipped < self.taps) & (first < self.size)
        return positions[inside], first[inside]


def window_axes(size: Mapping[str, int]) -> tuple[Axis, Axis]:
    """Return rows and columns of a convolution by the names of its kernel's parameters."""
    keys = ("in", "out", "kernel", "stride", "pad", "dilation")
    rows, columns = (Axis(*(size[f"{key}_{axis}"] for key in keys)) for axis in "hw")
    return rows, columns


def window_trail(
    rows: Axis, columns: Axis, *, in_bytes: int, out_bytes: int, block: int = 1, held: bool = True
) -> int:
    """Distance for a kernel that makes pixels of ``out_bytes`` from pixels of ``in_bytes``, row by row.

    A step is ``block`` pixels, counted over the ends of rows. ``held``: all reads of a step come before its
    first write; else any of its outputs may be written before the last of its reads.
    """
    y, from_y = rows.first_reads()
    x, from_x = columns.first_reads()
    if not len(y) or not len(x):
        return 0
    # The step of pixel n = y * columns.out + x starts at n - n % block, where the remainder depends on the
    # row only by that of its own start.
    starts = y * columns.out
    along = [int(((x - (start + x) % block) * out_bytes - from_x * in_bytes).max()) for start in range(block)]
    down = starts * out_bytes - from_y * columns.size * in_bytes + np.array(along)[starts % block]
    return max(0, int(down.max()) + (0 if held else block * out_bytes))


def walk_trail(counts: tuple[int, ...], in_steps: tuple[int, ...], out_steps: tuple[int, ...]) -> int:
    """Distance for a kernel with one step per index (i, j, ...), each held, i < counts[0] and so on.

    It reads from ``sum(index * in_steps)`` on, when ``sum(index * out_steps)`` bytes are written.
    """
    return sum(
        max(0, (count - 1) * (out - read))
        for count, read, out in zip(counts, in_steps, out_steps, strict=True)
    )
