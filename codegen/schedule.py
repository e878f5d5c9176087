"""Graph -> Graph: the operators in the order that needs the least memory at once."""

from __future__ import annotations

import heapq
from dataclasses import replace

from nonn_mcu.codegen.graph import Graph

_STATES = 5_000  # looked at before the file's own order is taken
_OPERATORS = 1_000  # above which it is taken at once


def schedule(graph: Graph) -> Graph:
    """Return the graph with its operators in an order whose largest set of live tensors is smallest.

    A best-first search over the sets of operators that have run: the one whose peak is lowest goes on, and
    of equals the one that is furthest and closest to the file's order. That order is kept where nothing is
    better. The peak counts whole tensors; that an output may lie over an input is left out.
    """
    producer = {op.outputs[0]: place for place, op in enumerate(graph.ops)}
    needs = [{producer[i] for i in op.inputs if i in producer} for op in graph.ops]
    readers: dict[int, set[int]] = {}
    for place, op in enumerate(graph.ops):
        for index in op.inputs:
            readers.setdefault(index, set()).add(place)
    size = {tensor.index: tensor.size for tensor in graph.tensors}
    kept = set(graph.outputs)

    def live(done: frozenset[int]) -> int:
        """Bytes that wait for a reader when these operators have run."""
        made = [*graph.inputs, *(graph.ops[place].outputs[0] for place in done)]
        return sum(size[index] for index in made if index in kept or readers.get(index, set()) - done)

    def raised(peak: int, now: int, place: int) -> int:
        op = graph.ops[place]
        return max(peak, now if op.kind == "RESHAPE" else now + size[op.outputs[0]])

    empty: frozenset[int] = frozenset()
    before = 0
    for place in range(len(graph.ops) if len(graph.ops) <= _OPERATORS else 0):
        before = raised(before, live(frozenset(range(place))), place)
    waiting: list[tuple[int, int, tuple[int, ...], frozenset[int], int]] = [(0, 0, (), empty, live(empty))]
    seen: set[frozenset[int]] = set()
    while waiting and len(seen) < _STATES:
        peak, _, order, done, now = heapq.heappop(waiting)
        if peak >= before:
            break
        if len(order) == len(graph.ops):
            return replace(graph, ops=tuple(graph.ops[place] for place in order))
        if done in seen:
            continue
        seen.add(done)
        ready = [place for place in range(len(graph.ops)) if place not in done and needs[place] <= done]
        for place in ready:
            after = done | {place}
            state = (raised(peak, now, place), -len(after), (*order, place), after, live(after))
            heapq.heappush(waiting, state)
    return graph
