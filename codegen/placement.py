"""Where blocks of memory with known lifetimes lie in one arena, so that it stays small.

First greedy by size (Pisarchyk and Lee, "Efficient memory management for deep neural net inference",
2020): largest first, each as low as it may lie. Where that leaves the arena above the least that it can be,
a bounded search tries to fit all into less, each block at the ends of what is free for it; that finds the
two ends of a plain chain of layers, and an output just below the input that it overwrites.

Two blocks that share a moment must not share a byte, with one exception: a layer's output may lie over an
input that nobody reads any more, provided that it starts far enough below (:class:`Block`, ``below``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

# Of every offset and of the arena: the widest load of a vector unit, and what TFLM aligns to.
ALIGNMENT = 16

_SEARCH_STEPS = 100_000  # comparisons of two blocks for one size of the arena: half a second at most
_SIZES = 8  # of the arena, that are tried between the least it can be and the greedy one


@dataclass(frozen=True)
class Block:
    """A piece of memory that is live from step ``first`` to step ``last``, both included.

    ``tensor`` is None for a layer's scratch. ``below`` says of which tensors, that die in step ``first``,
    this block may share bytes: by how many bytes it must then start below the tensor's own start.
    """

    tensor: int | None
    size: int
    first: int
    last: int
    below: Mapping[int, int] = field(default_factory=dict, hash=False)


def place(blocks: Sequence[Block]) -> tuple[list[int], int]:
    """Return each block's offset and the size of the arena, multiples of :data:`ALIGNMENT`."""
    order = sorted(range(len(blocks)), key=lambda n: (-blocks[n].size, blocks[n].first, n))
    best = _greedy(blocks, order)
    size = extent(blocks, best)
    crowded = _crowded_first(blocks)
    least = lower_bound(blocks)
    tried = failed = least
    for _ in range(_SIZES):
        if tried >= size:
            break
        fitted = _fit(blocks, crowded, tried)
        if fitted is None:
            failed = tried
        else:
            best, size = fitted, extent(blocks, fitted)
            if tried == least:
                break
        tried = _aligned((failed + size) // 2)
    return best, size


def extent(blocks: Sequence[Block], places: Sequence[int]) -> int:
    """Return the size of the arena that holds the blocks at these places."""
    return max((at + _aligned(block.size) for at, block in zip(places, blocks, strict=True)), default=0)


def lower_bound(blocks: Sequence[Block]) -> int:
    """Return the most bytes, alignment included, that any step needs: no arena is smaller.

    An output over a dying input counts once where they overlap; that chains of such pairs may drift apart,
    and that places must fit together over time, is not in it.
    """
    steps = max((block.last for block in blocks), default=-1) + 1
    return max((needed(blocks, step) for step in range(steps)), default=0)


def needed(blocks: Sequence[Block], step: int) -> int:
    """Return the bytes, alignment included, without which one step cannot run, wherever things lie."""
    live = [block for block in blocks if block.first <= step <= block.last]
    everything = sum(_aligned(block.size) for block in live)
    shared = 0
    for block in live:
        under = [other for other in live if other.tensor in block.below] if block.first == step else []
        if not under:
            continue
        inputs = sum(_aligned(other.size) for other in under)
        drift = min(_aligned(min(block.below[o.tensor], block.size)) for o in under if o.tensor is not None)
        both = max(_aligned(block.size), inputs + drift)
        shared += max(0, _aligned(block.size) + inputs - both)
    return everything - shared


def _aligned(size: int) -> int:
    return size + -size % ALIGNMENT


def _forbidden(block: Block, other: Block, at: int) -> tuple[int, int] | None:
    """Where ``block`` must not start, both ends excluded, when ``other`` lies at ``at``; None: anywhere."""
    if other.first > block.last or block.first > other.last:
        return None
    before, behind = _aligned(block.size), _aligned(other.size)
    if other.tensor in block.below:
        assert other.tensor is not None
        before = min(before, _aligned(block.below[other.tensor]))
    if block.tensor in other.below:
        assert block.tensor is not None
        behind = min(behind, _aligned(other.below[block.tensor]))
    return at - before, at + behind


def _free(blocks: Sequence[Block], places: Mapping[int, int], number: int) -> list[tuple[int, int | None]]:
    """Ranges of starts (first, last) that are free for a block, ascending; the last is open (None)."""
    taken = sorted(
        span
        for other, at in places.items()
        if (span := _forbidden(blocks[number], blocks[other], at)) is not None
    )
    ranges: list[tuple[int, int | None]] = []
    start = 0
    for low, high in taken:
        if low >= start:
            ranges.append((start, low))
        start = max(start, high)
    return [*ranges, (start, None)]


def _crowded_first(blocks: Sequence[Block]) -> list[int]:
    """Return the order of the search: the blocks of the step that needs most, then of the next, by size.

    What cannot fit is then noticed early.
    """
    steps = max((block.last for block in blocks), default=-1) + 1
    load = [needed(blocks, step) for step in range(steps)]
    worst = [max(load[block.first : block.last + 1]) for block in blocks]
    return sorted(range(len(blocks)), key=lambda n: (-worst[n], -blocks[n].size, blocks[n].first, n))


def _greedy(blocks: Sequence[Block], order: Sequence[int]) -> list[int]:
    places: dict[int, int] = {}
    for number in order:
        places[number] = _free(blocks, places, number)[0][0]
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


def _ends(blocks: Sequence[Block], places: Mapping[int, int], number: int, limit: int) -> list[int]:
    """Return both ends of every range of starts at which the block lies below ``limit``."""
    highest = limit - _aligned(blocks[number].size)
    ends: set[int] = set()
    for start, end in _free(blocks, places, number):
        last = highest if end is None else min(end, highest)
        if start <= last:
            ends |= {start, last}
    return sorted(ends)
