"""MEAN over all pixels on Helium (firmware/include/nonn/kernels/mean_helium.h)."""

from __future__ import annotations

from typing import Any

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take one image, channels innermost, summed over everything else."""
    p: dict[str, Any] = dict(layer.params)
    pixels, channels = p["summed_count"][2], p["kept_count"][2]
    if (
        tuple(p["summed_count"]) != (1, 1, pixels)
        or tuple(p["kept_count"]) != (1, 1, channels)
        or p["kept_stride"][2] != 1
        or p["summed_stride"][2] != channels
    ):
        return None
    return Layer(
        kernel="mean_helium",
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
