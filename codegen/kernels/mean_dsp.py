"""MEAN over all pixels on the DSP extension (firmware/include/nonn/kernels/mean_dsp.h)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.global_mean import global_mean
from nonn_mcu.codegen.layer import Layer

_GROUP = 4  # channels
_MOST_PIXELS = 256  # their sum fits 16 bits


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take one image, channels innermost and in fours, summed over everything else."""
    made = global_mean(layer, "mean_dsp")
    p: Mapping[str, Any] = {} if made is None else made.params
    return made if p and p["channels"] % _GROUP == 0 and p["pixels"] <= _MOST_PIXELS else None
