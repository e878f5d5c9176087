"""ADD and SUB of two inputs of one shape on Helium (firmware/include/nonn/kernels/add_helium.h)."""

from __future__ import annotations

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.linear_fit import Linear, Staircase, elementwise

_SHIFTS = (22, 20)  # NONN_ADD_HELIUM_FINE, NONN_ADD_HELIUM_COARSE


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take an ADD without broadcasting that is a staircase over a plane."""
    count = elementwise(layer.params)
    if count is None:
        return None
    stairs = Staircase.of(layer.params)
    form = next((form for form in map(stairs.at, _SHIFTS) if form is not None and _fits(form)), None)
    if form is None:
        return None
    return Layer(
        kernel="add_helium",
        params={
            "count": count,
            "first_factor": form.a,
            "second_factor": form.b,
            "offset": form.c - _halves(form),
            "shift": form.shift,
            "activation_min": layer.params["activation_min"],
            "activation_max": layer.params["activation_max"],
        },
        inputs=layer.inputs,
        output=layer.output,
        trail=(0, 0),
        notes=layer.notes,
    )


def _halves(form: Linear) -> int:
    """Give what the two roundings add."""
    return (1 << 15) + (1 << (form.shift - 1))


def _fits(form: Linear) -> bool:
    return 128 * (abs(form.a) + abs(form.b)) + abs(form.c) + _halves(form) < 1 << 31
