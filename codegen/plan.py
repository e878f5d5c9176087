"""The arena: where every tensor and every layer's scratch lies, decided before any code is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.placement import ALIGNMENT, Block, lower_bound, needed, place

_SCRATCH = -1  # the owner of a layer's scratch


@dataclass(frozen=True)
class Plan:
    """Byte offsets into one arena of ``arena_bytes``, aligned to :data:`ALIGNMENT`.

    ``offset`` has every tensor that lies in the arena, by tensor index, aliases included; ``alias`` maps
    a tensor without memory of its own (a RESHAPE's output) to the one whose bytes it shares.
    ``scratch``, ``scratch_bytes`` and ``live_bytes`` have one entry per layer: the scratch's offset or None,
    its bytes, and the bytes in use while the layer runs. ``lower_bound`` is what the arena cannot be smaller
    than with these layers. ``placed`` has every block of memory, tensors and scratch, and its offset.
    ``input_survives``: no layer overwrites an input.
    """

    offset: Mapping[int, int]
    alias: Mapping[int, int]
    scratch: tuple[int | None, ...]
    scratch_bytes: tuple[int, ...]
    arena_bytes: int
    lower_bound: int
    live_bytes: tuple[int, ...]
    input_survives: bool
    order: tuple[int, ...]  # operator index of each layer
    placed: tuple[tuple[Block, int], ...]


def plan(graph: Graph, order: Sequence[int], layers: Sequence[Sequence[Layer]]) -> Plan:
    """Place everything. ``layers[i]`` are the kernel calls of operator ``order[i]``, one step in time.

    Inputs are kept for the whole run when that costs no memory, else only as long as they are read.
    """
    alias = _aliases(graph)
    blocks = blocks_of(graph, alias, layers)
    places, size = place(blocks)
    pinned = blocks_of(graph, alias, layers, pin_inputs=True)
    survives = False
    if lower_bound(pinned) <= size:
        pinned_places, pinned_size = place(pinned)
        survives = pinned_size <= size
        if survives:
            blocks, places, size = pinned, pinned_places, pinned_size
    placed = list(zip(blocks, places, strict=True))
    offset = {block.tensor: at for block, at in placed if block.tensor is not None}
    scratch = {block.first: at for block, at in placed if block.tensor is None}
    offset |= {index: offset[root] for index, root in alias.items() if root in offset}
    steps = range(len(layers))
    result = Plan(
        offset=dict(sorted(offset.items())),
        alias=alias,
        scratch=tuple(scratch.get(step) for step in steps),
        scratch_bytes=tuple(max(call.scratch_bytes for call in calls) for calls in layers),
        arena_bytes=size,
        lower_bound=lower_bound(blocks),
        live_bytes=tuple(needed(blocks, step) for step in steps),
        input_survives=survives,
        order=tuple(order),
        placed=tuple(placed),
    )
    check_plan(graph, layers, result)
    return result


def root_of(alias: Mapping[int, int], index: int) -> int:
    """Return the tensor whose bytes this one shares, or itself."""
    return alias.get(index, index)


def check_plan(graph: Graph, layers: Sequence[Sequence[Layer]], made: Plan) -> None:
    """Replay the layers and prove the plan: no layer writes over bytes that are still to be read.

    Works from what each layer reads and writes, not from lifetimes: the arena remembers whose each byte
    is; whatever a layer reads, and every output at the end, must still be its own. While a layer runs, its
    output may only take bytes of an input that starts as far above it as the layer's ``trail`` wants.
    """
    arena = _Arena(made.arena_bytes)

    def write(tensor: int) -> None:
        arena.write(made.offset[tensor], graph.tensors[tensor].size, root_of(made.alias, tensor))

    def expect(tensor: int) -> None:
        arena.expect(made.offset[tensor], graph.tensors[tensor].size, root_of(made.alias, tensor))

    for tensor in graph.inputs:
        write(tensor)
    for step, calls in enumerate(layers):
        trails = dict(_reads(graph, calls))
        output = calls[0].output
        for tensor in trails:
            expect(tensor)
        scratch, scratch_bytes = made.scratch[step], max(call.scratch_bytes for call in calls)
        assert (scratch is None) == (scratch_bytes == 0), f"scratch of layer {step}"
        if scratch is not None:
            arena.write(scratch, scratch_bytes, _SCRATCH)
        for tensor in trails:
            expect(tensor)
        write(output)
        expect(output)
        if scratch is not None:
            arena.expect(scratch, scratch_bytes, _SCRATCH)
        for tensor, trail in trails.items():
            if trail is None or made.offset[output] + trail > made.offset[tensor]:
                expect(tensor)
    for tensor in (*graph.outputs, *(graph.inputs if made.input_survives else ())):
        expect(tensor)


class _Arena:
    """Bytes 0..size, each with an owner: the last tensor that was written there."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.spans: list[tuple[int, int, int]] = []

    def write(self, start: int, size: int, owner: int) -> None:
        end = start + size
        assert start % ALIGNMENT == 0 and 0 <= start < end <= self.size, (
            f"bytes {start} to {end} of {self.size}"
        )
        rest = [(max(s, end), e, o) for s, e, o in self.spans if e > end]
        self.spans = [(s, min(e, start), o) for s, e, o in self.spans if s < start] + rest
        self.spans.append((start, end, owner))

    def expect(self, start: int, size: int, owner: int) -> None:
        end = start + size
        own = sum(max(0, min(e, end) - max(s, start)) for s, e, o in self.spans if o == owner)
        assert own == size, f"tensor {owner} at {start}: {size - own} of {size} bytes are overwritten"


def _reads(graph: Graph, calls: Sequence[Layer]) -> list[tuple[int, int | None]]:
    """Give the tensors in the arena that a step reads, each with its trail, None where it has none.

    A tensor that is read twice, or by one of several calls, has none.
    """
    read = [
        (tensor, trail)
        for call in calls
        for tensor, trail in zip(call.inputs, call.trail or (None,) * len(call.inputs), strict=True)
        if graph.tensors[tensor].data is None
    ]
    once = [tensor for tensor, _ in read]
    return [(t, trail if once.count(t) == 1 and len(calls) == 1 else None) for t, trail in read]


def _aliases(graph: Graph) -> dict[int, int]:
    alias: dict[int, int] = {}
    for op in graph.ops:
        if op.kind == "RESHAPE":
            alias[op.outputs[0]] = root_of(alias, op.inputs[0])
    return alias


def blocks_of(
    graph: Graph,
    alias: Mapping[int, int],
    layers: Sequence[Sequence[Layer]],
    pin_inputs: bool = False,
) -> list[Block]:
    """Return every tensor and every layer's scratch as a block with its lifetime, in layers."""
    end = len(layers) - 1
    first = dict.fromkeys(graph.inputs, 0)
    last = dict.fromkeys(graph.inputs, 0)
    scratch = []
    for step, calls in enumerate(layers):
        for tensor, _ in _reads(graph, calls):
            root = root_of(alias, tensor)
            last[root] = max(last[root], step)
        output = calls[0].output
        first[output] = last[output] = step
        if scratch_bytes := max(call.scratch_bytes for call in calls):
            scratch.append(Block(None, scratch_bytes, step, step))
    kept = {root_of(alias, tensor) for tensor in graph.outputs} | set(graph.inputs if pin_inputs else ())
    for tensor in kept:
        last[tensor] = end
    below: dict[int, dict[int, int]] = {}
    for step, calls in enumerate(layers):
        roots = [(root_of(alias, tensor), trail) for tensor, trail in _reads(graph, calls)]
        below[calls[0].output] = {
            root: trail
            for root, trail in roots
            if trail is not None
            and last[root] == step
            and root not in kept
            and [r for r, _ in roots].count(root) == 1
        }
    tensors = [
        Block(index, graph.tensors[index].size, first[index], last[index], below.get(index, {}))
        for index in sorted(first)
    ]
    return tensors + scratch
