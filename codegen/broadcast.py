"""Broadcasting of two operands, by NumPy's rules: the output's shape and the walk that the kernels take."""

from __future__ import annotations

from itertools import zip_longest

from nonn_mcu.codegen.arguments import operands, require_int8, require_output_shape
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.layer import Value
from nonn_mcu.errors import BadInput

_COUNTERS = 5  # NONN_BROADCAST_COUNTERS


def broadcast_walk(graph: Graph, op: Op) -> tuple[Value, ...]:
    """Fields of ``nonn_broadcast`` for an operator of two int8 inputs and one output.

    Neighbouring dimensions that each input either crosses in both or repeats in both are merged. Raises
    :class:`BadInput` for other tensors and for shapes that do not fit each other or the output.
    """
    a, b = operands(graph, op, 2)
    for tensor in (a, b, graph.tensors[op.outputs[0]]):
        require_int8(graph, op, tensor)
    dims = list(zip_longest(reversed(a.shape), reversed(b.shape), fillvalue=1))  # innermost first
    if any(x != y and 1 not in (x, y) for x, y in dims):
        raise BadInput(f"shapes {list(a.shape)} and {list(b.shape)} do not broadcast; the file is damaged")
    require_output_shape(graph, op, tuple(max(x, y) for x, y in reversed(dims)))
    sizes: list[int] = []
    crossed: list[tuple[bool, bool]] = []
    for x, y in dims:
        if x == y == 1:
            continue
        crosses = (x != 1, y != 1)
        if crossed and crossed[-1] == crosses:
            sizes[-1] *= max(x, y)
        else:
            sizes.append(max(x, y))
            crossed.append(crosses)
    if not sizes:
        sizes, crossed = [1], [(True, True)]
    counts = sizes[1:] + [1] * (_COUNTERS - len(sizes) + 1)
    jumps = tuple(_jumps(sizes, [pair[operand] for pair in crossed]) for operand in (0, 1))
    return (sizes[0], tuple(int(crosses) for crosses in crossed[0]), tuple(counts), jumps)


def in_place(*tensors: Tensor, output: Tensor) -> tuple[int | None, ...]:
    """Trails of the inputs: one as large as the output is read in step with it, others over and over."""
    return tuple(0 if tensor.size == output.size else None for tensor in tensors)


def _jumps(sizes: list[int], crosses: list[bool]) -> tuple[int, ...]:
    """From the last row before a counter advances to the first one after, per counter."""
    jumps: list[int] = []
    stride = sizes[0] if crosses[0] else 1
    behind = 0  # how far the inner counters have moved when they all stand at their last row
    for size, crossing in zip(sizes[1:], crosses[1:], strict=True):
        step = stride if crossing else 0
        jumps.append(step - behind)
        behind += (size - 1) * step
        stride *= size if crossing else 1
    return (*jumps, *[0] * (_COUNTERS - len(jumps)))
