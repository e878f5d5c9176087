"""MEAN over all pixels on Helium (firmware/include/nonn/kernels/mean_helium.h)."""

from __future__ import annotations

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.global_mean import global_mean
from nonn_mcu.codegen.layer import Layer


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take one image, channels innermost, summed over everything else."""
    return global_mean(layer, "mean_helium")
