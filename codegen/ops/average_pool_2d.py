"""AVERAGE_POOL_2D: the rounded mean of each window."""

from __future__ import annotations

from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.pooling import lower_pooling

KINDS = ("AVERAGE_POOL_2D",)


def lower(graph: Graph, op: Op) -> Layer:
    """See :func:`nonn_mcu.codegen.pooling.lower_pooling`."""
    return lower_pooling(graph, op, "average_pool_2d")
