"""MAX_POOL_2D on Helium (firmware/include/nonn/kernels/max_pool_helium.h)."""

from __future__ import annotations

from dataclasses import replace

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take every one; parameters and trail stay as they are."""
    return replace(layer, kernel="max_pool_helium")
