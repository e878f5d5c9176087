"""ADD and SUB of two inputs of one shape, as one linear form (firmware/include/nonn/kernels/add_linear.h)."""

from __future__ import annotations

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.kernels import Want
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.linear_fit import elementwise, linear


def adapt(graph: Graph, layer: Layer, want: Want) -> Layer | None:
    """Take an ADD without broadcasting whose outputs are a staircase over a plane."""
    count = elementwise(layer.params)
    form = linear(layer.params) if count is not None else None
    if count is None or form is None:
        return None
    return Layer(
        kernel="add_linear",
        params={
            "count": count,
            "first_factor": form.a,
            "second_factor": form.b,
            "offset": form.c,
            "shift": form.shift,
            "activation_min": layer.params["activation_min"],
            "activation_max": layer.params["activation_max"],
        },
        inputs=layer.inputs,
        output=layer.output,
        trail=(0, 0),
        notes=layer.notes,
    )
