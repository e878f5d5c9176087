"""ADD and SUB of two inputs of one shape on Helium (firmware/include/nonn/kernels/add_helium.h)."""

from __future__ import annotations

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.linear_fit import Staircase, elementwise
from nonn_mcu.codegen.quantize import INT8_MAX, INT8_MIN

_SHIFT = 20  # NONN_ADD_HELIUM_SHIFT
_HALVES = (1 << 15) + (1 << 19)  # what its two roundings add


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take an ADD without broadcasting that saturates to int8 and is a staircase over a plane."""
    count = elementwise(layer.params)
    activation = (layer.params["activation_min"], layer.params["activation_max"])
    if count is None or activation != (INT8_MIN, INT8_MAX):
        return None
    form = Staircase.of(layer.params).at(_SHIFT)
    if form is None or 128 * (abs(form.a) + abs(form.b)) + abs(form.c) + _HALVES >= 1 << 31:
        return None
    return Layer(
        kernel="add_helium",
        params={
            "count": count,
            "first_factor": form.a,
            "second_factor": form.b,
            "offset": form.c - _HALVES,
        },
        inputs=layer.inputs,
        output=layer.output,
        trail=(0, 0),
        notes=layer.notes,
    )
