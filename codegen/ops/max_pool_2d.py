"""MAX_POOL_2D: the greatest value of each window."""

from __future__ import annotations

from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.pooling import lower_pooling

KINDS = ("MAX_POOL_2D",)


def lower(graph: Graph, op: Op) -> Layer:
    """See :func:`nonn_mcu.codegen.pooling.lower_pooling`."""
    return lower_pooling(graph, op, "max_pool_2d")
