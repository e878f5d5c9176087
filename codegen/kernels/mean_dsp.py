"""MEAN over all pixels on the DSP extension (firmware/include/nonn/kernels/mean_dsp.h)."""

from __future__ import annotations

from typing import Any

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer

_MOST_PIXELS = 256  # their sum fits 16 bits


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take one image, channels innermost and in fours, summed over everything else."""
    p: dict[str, Any] = dict(layer.params)
    pixels, channels = p["summed_count"][2], p["kept_count"][2]
    if (
        tuple(p["summed_count"]) != (1, 1, pixels)
        or tuple(p["kept_count"]) != (1, 1, channels)
        or p["kept_stride"][2] != 1
        or p["summed_stride"][2] != channels
        or channels % 4 != 0
        or pixels > _MOST_PIXELS
    ):
        return None
    return Layer(
        kernel="mean_dsp",
        params={
            "pixels": pixels,
            "channels": channels,
            **{key: p[key] for key in ("sum_offset", "multiplier", "shift", "output_zero_point")},
        },
        inputs=layer.inputs,
        output=layer.output,
        trail=(0,),
        notes=layer.notes,
    )
