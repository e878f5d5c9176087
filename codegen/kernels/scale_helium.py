"""Depthwise convolution of single pixels on Helium (firmware/include/nonn/kernels/scale_helium.h)."""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.scale_fit import lines, pixels
from nonn_mcu.codegen.layer import Layer, Table

_GROUP = 8  # channels
_HALF = 1 << 15  # what the rounding shift adds


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take what scale_linear takes."""
    count = pixels(layer.params)
    found = lines(layer.params) if count is not None else None
    if count is None or found is None:
        return None
    whole = np.zeros((-(-len(found) // _GROUP) * _GROUP, 2), np.int64)
    whole[: len(found)] = found - np.array([0, _HALF])
    by_parity = whole.reshape(-1, _GROUP // 2, 2, 2).transpose(0, 3, 2, 1)
    return Layer(
        kernel="scale_helium",
        params={
            "pixels": count,
            "channels": len(found),
            "activation_min": layer.params["activation_min"],
            "activation_max": layer.params["activation_max"],
            "weights": Table("int32_t", np.ascontiguousarray(by_parity).astype(np.int32)),
        },
        inputs=layer.inputs,
        output=layer.output,
        trail=(0,),
        macs=layer.macs,
        notes=layer.notes,
    )
