"""Strided views of contiguous tensors, reduced to the fewest axes: what the data movement kernels walk."""

from __future__ import annotations

from math import prod

Ints = tuple[int, ...]


def row_major(shape: Ints) -> Ints:
    """Return the steps, in elements, between neighbours along each axis of a contiguous tensor."""
    return tuple(prod(shape[axis + 1 :]) for axis in range(len(shape)))


def merged(counts: Ints, strides: Ints) -> tuple[Ints, Ints]:
    """Drop axes of extent 1 and join neighbours that walk as one; same elements in the same order."""
    walk: list[tuple[int, int]] = []
    for count, stride in zip(counts, strides, strict=True):
        if count == 1:
            continue
        if walk and walk[-1][1] == count * stride:
            walk[-1] = (walk[-1][0] * count, stride)
        else:
            walk.append((count, stride))
    return tuple(count for count, _ in walk), tuple(stride for _, stride in walk)


def padded(counts: Ints, strides: Ints, axes: int) -> tuple[Ints, Ints]:
    """Put axes of extent 1 in front, up to ``axes`` of them; there must not be more already."""
    missing = axes - len(counts)
    assert missing >= 0
    return (1,) * missing + counts, (0,) * missing + strides
