"""Where blocks of memory with known lifetimes lie in one arena, so that it stays small.

First greedy by size (Pisarchyk and Lee, "Efficient memory management for deep neural net inference",
2020): largest first, each in the lowest gap between those it shares a moment with. Where that leaves the
arena above the most that is ever live, a bounded search tries to fit all into just that much, each block
at the lowest or the highest place that is free; that finds the two ends of a plain chain of layers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

# Of every offset and of the arena: the widest load of a vector unit, and what TFLM aligns to.
ALIGNMENT = 16

_SEARCH_STEPS = 200_000  # comparisons of two blocks: a second at most


@dataclass(frozen=True)
class Block:
    """A piece of memory that is live from step ``first`` to step ``last``, both included.

    ``tensor`` is None for a layer's scratch.
    """

    tensor: int | None
    size: int
    first: int
    last: int


def place(blocks: Sequence[Block]) -> tuple[list[int], int]:
    """Return each block's offset and the size of the arena, multiples of :data:`ALIGNMENT`."""
    order = sorted(range(len(blocks)), key=lambda n: (-blocks[n].size, blocks[n].first, n))
    greedy = _greedy(blocks, order)
    size = _aligned(max((at + block.size for at, block in zip(greedy, blocks, strict=True)), default=0))
    least = most_live(blocks)
    if size > least:
        fitted = _fit(blocks, order, least)
        if fitted is not None:
            return fitted, least
    return greedy, size


def most_live(blocks: Sequence[Block]) -> int:
    """Return the most bytes, alignment included, that are live in one step: no arena is smaller."""
    steps = max((block.last for block in blocks), default=-1) + 1
    change = [0] * (steps + 1)
    for block in blocks:
        change[block.first] += _aligned(block.size)
        change[block.last + 1] -= _aligned(block.size)
    most = live = 0
    for delta in change:
        live += delta
        most = max(most, live)
    return most


def _aligned(size: int) -> int:
    return size + -size % ALIGNMENT


def _gaps(blocks: Sequence[Block], places: dict[int, int], number: int) -> Iterator[tuple[int, int | None]]:
    """Free ranges (start, end) for the whole life of a block, ascending; the last is open (None)."""
    block = blocks[number]
    taken = sorted(
        (at, at + _aligned(blocks[other].size))
        for other, at in places.items()
        if blocks[other].first <= block.last and block.first <= blocks[other].last
    )
    start = 0
    for low, high in taken:
        if low > start:
            yield start, low
        start = max(start, high)
    yield start, None


def _greedy(blocks: Sequence[Block], order: Sequence[int]) -> list[int]:
    places: dict[int, int] = {}
    for number in order:
        gaps = _gaps(blocks, places, number)
        size = blocks[number].size
        places[number] = next(start for start, end in gaps if end is None or end - start >= size)
    return [places[number] for number in range(len(blocks))]


def _fit(blocks: Sequence[Block], order: Sequence[int], limit: int) -> list[int] | None:
    """Depth-first search, without recursion, for places below ``limit``; None when it finds none in time."""
    places: dict[int, int] = {}
    choices: list[list[int]] = [_ends(blocks, places, order[0], limit)]
    steps = _SEARCH_STEPS
    while choices:
        depth = len(choices) - 1
        places.pop(order[depth], None)
        if not choices[-1]:
            choices.pop()
            continue
        steps -= depth + 1
        if steps < 0:
            return None
        places[order[depth]] = choices[-1].pop(0)
        if len(choices) == len(order):
            return [places[number] for number in range(len(blocks))]
        choices.append(_ends(blocks, places, order[depth + 1], limit))
    return None


def _ends(blocks: Sequence[Block], places: dict[int, int], number: int, limit: int) -> list[int]:
    """Return the lowest and the highest place below ``limit`` that is free."""
    size = _aligned(blocks[number].size)
    closed = [
        (start, limit if end is None else min(end, limit)) for start, end in _gaps(blocks, places, number)
    ]
    roomy = [(start, end) for start, end in closed if end - start >= size]
    if not roomy:
        return []
    return sorted({roomy[0][0], roomy[-1][1] - size})
