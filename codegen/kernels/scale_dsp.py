"""Depthwise convolution of single pixels on the DSP extension (firmware/include/nonn/kernels/scale_dsp.h).

Factors have 8 bits more than those of scale_linear, which SMLAW drops from the products.
"""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.kernels.scale_fit import lines, pixels
from nonn_mcu.codegen.layer import Layer, Table
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN

_GROUP = 4  # channels
_DROPPED = 8  # bits of a product
_UNSIGNED = 128 << 16  # the kernel saturates to 0..255


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take what scale_linear takes where channels come in fours and saturate to int8."""
    count = pixels(layer.params)
    activation = (layer.params["activation_min"], layer.params["activation_max"])
    if count is None or activation != (INT8_MIN, INT8_MAX):
        return None
    found = lines(layer.params, _DROPPED)
    if found is None or len(found) % _GROUP != 0:
        return None
    groups = (found + np.array([0, _UNSIGNED])).reshape(-1, _GROUP, 2).transpose(0, 2, 1)
    return Layer(
        kernel="scale_dsp",
        params={
            "pixels": count,
            "channels": len(found),
            "weights": Table("int32_t", np.ascontiguousarray(groups).astype(np.int32)),
        },
        inputs=layer.inputs,
        output=layer.output,
        trail=(0,),
        macs=layer.macs,
        notes=layer.notes,
    )
