"""ADD and SUB of two inputs of one shape on the DSP extension (firmware/include/nonn/kernels/add_dsp.h).

A form with factors of 32 bits, of whose products SMLAW drops the lowest 8 bits: at 20 bits below the output
this costs up to two units of 2^-20, which the staircase has to spare.
"""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.linear_fit import Staircase, elementwise
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN

_SHIFT = 20  # NONN_ADD_DSP_SHIFT
_DROPPED = 8  # bits of a product


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take an ADD without broadcasting that saturates to int8 and is a staircase over a plane."""
    count = elementwise(layer.params)
    activation = (layer.params["activation_min"], layer.params["activation_max"])
    if count is None or activation != (INT8_MIN, INT8_MAX):
        return None
    form = _form(Staircase.of(layer.params))
    if form is None:
        return None
    return Layer(
        kernel="add_dsp",
        params={"count": count, "first_factor": form[0], "second_factor": form[1], "offset": form[2]},
        inputs=layer.inputs,
        output=layer.output,
        trail=(0, 0),
        notes=layer.notes,
    )


def _form(stairs: Staircase) -> tuple[int, int, int] | None:
    """Factors and offset, from the middle of the slopes that work or from between there and a corner."""
    if len(stairs.slopes) == 0:
        return None
    centre = stairs.slopes.mean(axis=0)
    for slopes in (centre, *(stairs.slopes + centre) / 2):
        form = _with_slopes(stairs, slopes)
        if form is not None:
            return form
    return None


def _with_slopes(stairs: Staircase, slopes: np.ndarray) -> tuple[int, int, int] | None:
    x = np.arange(-128, 128, dtype=np.int64)
    factors = np.round(slopes * 2.0 ** (_SHIFT + _DROPPED)).astype(np.int64)
    if np.abs(factors).max() >= 1 << 31:
        return None
    products = (factors[0] * x >> _DROPPED)[:, None] + (factors[1] * x >> _DROPPED)
    least, most = stairs.least, stairs.most
    lowest = (least[:, 2] << _SHIFT) - products[least[:, 0] + 128, least[:, 1] + 128]
    highest = (most[:, 2] << _SHIFT) - 1 - products[most[:, 0] + 128, most[:, 1] + 128]
    # Where every pair gives the same bound of the activation, one side is open: stay near the other.
    bound = 1 << 30
    offset = int(lowest.max(initial=-bound) + highest.min(initial=bound)) // 2
    fits32 = int(np.abs(products).max()) + abs(offset) < 1 << 31
    if not fits32 or not stairs.equals((products + offset) >> _SHIFT):
        return None
    return int(factors[0]), int(factors[1]), offset
