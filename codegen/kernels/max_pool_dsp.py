"""MAX_POOL_2D on the DSP extension (firmware/include/nonn/kernels/max_pool_dsp.h)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take channels in fours; parameters and trail stay as they are."""
    channels: Any = layer.params["channels"]
    return replace(layer, kernel="max_pool_dsp") if channels % 4 == 0 else None
