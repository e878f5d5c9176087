"""Depthwise convolution of single pixels as lines (firmware/include/nonn/kernels/scale_linear.h)."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.scale_fit import lines, pixels
from nonn_mcu.codegen.layer import Layer, Table


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take kernels of 1x1 at stride 1 with one filter per channel, each the staircase of a line."""
    count = pixels(layer.params)
    found = lines(layer.params) if count is not None else None
    if count is None or found is None:
        return None
    return Layer(
        kernel="scale_linear",
        params={
            "pixels": count,
            "channels": len(found),
            "activation_min": layer.params["activation_min"],
            "activation_max": layer.params["activation_max"],
            "weights": Table("int32_t", found.astype(np.int32)),
        },
        inputs=layer.inputs,
        output=layer.output,
        trail=(0,),
        macs=layer.macs,
        notes=layer.notes,
    )
