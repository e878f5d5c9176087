"""What this generator cannot turn into C, said so that the reader knows where and what to do."""

from __future__ import annotations

from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.names import printable, source_module
from nonn_mcu.errors import BadInput


class Unsupported(BadInput):
    """An operator, or a form of it, that has no kernel here."""


def label(graph: Graph, op: Op) -> str:
    """Name an operator for a message: its position, what it writes, its kind and its torch module."""
    name = graph.tensors[op.outputs[0]].name if op.outputs else ""
    module = source_module(name)
    origin = f", from module {module}" if module else ""
    return f'layer {op.index} "{printable(name)}" ({printable(op.kind)}{origin})'


def require(condition: bool, graph: Graph, op: Op, reason: str) -> None:
    """Raise :class:`Unsupported` for this operator unless the condition holds."""
    if not condition:
        raise Unsupported(f"{label(graph, op)}: {reason}")
