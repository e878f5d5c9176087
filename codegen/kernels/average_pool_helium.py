"""AVERAGE_POOL_2D on Helium (firmware/include/nonn/kernels/average_pool_helium.h)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer

_MOST_PIXELS = 4000  # NONN_AVERAGE_POOL_HELIUM_PIXELS
_MOST_COLUMNS = 256


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take windows that are not too large; parameters and trail stay as they are."""
    p: dict[str, Any] = dict(layer.params)
    rows, columns = min(p["filter_h"], p["in_h"]), min(p["filter_w"], p["in_w"])
    fits = rows * columns <= _MOST_PIXELS and columns <= _MOST_COLUMNS
    return replace(layer, kernel="average_pool_helium") if fits else None
