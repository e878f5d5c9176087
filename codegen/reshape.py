"""RESHAPE: no layer, no copy; its output is its input's memory under another shape (see :mod:`plan`)."""

from __future__ import annotations

from nonn_mcu.codegen.arguments import operands, require_int8
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.unsupported import require


def check_reshape(graph: Graph, op: Op) -> None:
    """Raise :class:`Unsupported` unless both sides hold the same int8 values.

    The shape operand, static by now, says nothing that the output's declared shape does not.
    """
    source, result = operands(graph, op, 1, 2)[0], graph.tensors[op.outputs[0]]
    require_int8(graph, op, source)
    require(source.data is None, graph, op, "reshapes a constant; fold it when the model is exported")
    require(
        source.size == result.size,
        graph,
        op,
        f"{list(source.shape)} cannot become {list(result.shape)}; convert again",
    )
