"""AVERAGE_POOL_2D on the DSP extension (firmware/include/nonn/kernels/average_pool_dsp.h)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer

_MOST_PIXELS = 256  # of a window: their sum fits 16 bits


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take channels in fours and windows whose sums fit 16 bits; parameters and trail stay as they are."""
    p: dict[str, Any] = dict(layer.params)
    pixels = min(p["filter_h"], p["in_h"]) * min(p["filter_w"], p["in_w"])
    if p["channels"] % 4 != 0 or pixels > _MOST_PIXELS:
        return None
    return replace(layer, kernel="average_pool_dsp")
