"""What a Graph must be before anything is generated from it: an int8 network in order of execution."""

from __future__ import annotations

import math

import numpy as np

from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.names import printable
from nonn_mcu.errors import BadInput

_SMALLEST_NORMAL = float(np.finfo(np.float32).tiny)

_FLOAT_ADVICE = "this is a float or partly quantised model; convert from the .pt or quantise to full int8"


def describe(tensor: Tensor) -> str:
    """Name a tensor for a message."""
    return f'tensor {tensor.index} "{printable(tensor.name)}"'


def check(graph: Graph) -> None:
    """Raise :class:`BadInput` unless the graph can be executed in its order on int8 activations.

    Every tensor is written exactly once and before it is read; constants are never written; inputs and
    outputs have batch 1; every activation is int8 with one finite, normal, positive scale and a zero
    point that int8 can hold.
    """
    check_order(graph)
    for index in _activations(graph):
        check_activation(graph.tensors[index])
    for index in (*graph.inputs, *graph.outputs):
        tensor = graph.tensors[index]
        if tensor.shape[0] != 1:
            raise BadInput(f"{describe(tensor)}: batch {tensor.shape[0]}; export the model with batch 1")


def check_order(graph: Graph) -> None:
    """Raise :class:`BadInput` unless each tensor is written once, before it is read."""
    for what, found in (("inputs", graph.inputs), ("outputs", graph.outputs), ("operators", graph.ops)):
        if not found:
            raise BadInput(f"the model has no {what}; there is nothing to run")
    defined = {tensor.index for tensor in graph.tensors if tensor.data is not None}
    for index in graph.inputs:
        if index in defined:
            where = describe(graph.tensors[index])
            raise BadInput(
                f"{where}: is an input twice, or an input with constant data; export the model again"
            )
        defined.add(index)
    computed: set[int] = set()
    for op in graph.ops:
        _check_op(graph, op, defined)
        computed.update(op.outputs)
        defined.update(op.outputs)
    for index in graph.outputs:
        if index not in computed:
            raise BadInput(f"output {describe(graph.tensors[index])} is not computed by any operator")


def _check_op(graph: Graph, op: Op, defined: set[int]) -> None:
    where = f"operator {op.index} ({op.kind})"
    for index in op.inputs:
        if index >= 0 and index not in defined:
            raise BadInput(f"{where} reads {describe(graph.tensors[index])} before it is computed")
    if not op.outputs:
        raise BadInput(f"{where} has no output")
    for index in op.outputs:
        if index in defined or op.outputs.count(index) > 1:
            raise BadInput(f"{where} overwrites {describe(graph.tensors[index])}")


def _activations(graph: Graph) -> list[int]:
    found = {*graph.inputs, *graph.outputs}
    for op in graph.ops:
        found.update(op.outputs)
    return sorted(found)


def check_activation(tensor: Tensor) -> None:
    """Raise :class:`BadInput` unless this is an int8 tensor, quantised as a whole, of rank 1 to 6."""
    where = describe(tensor)
    if tensor.dtype in ("float32", "float16", "float64", "bfloat16"):
        raise BadInput(f"{where} is {tensor.dtype}; {_FLOAT_ADVICE}")
    if tensor.dtype == "int32":
        raise BadInput(f"{where} is int32 and not constant; export the model with fixed shapes")
    if tensor.dtype != "int8":
        raise BadInput(f"{where} is {tensor.dtype}; only int8 is supported, quantise to full int8")
    if not tensor.shape:
        raise BadInput(f"{where} has rank 0; give it at least one dimension")
    check_quantization(tensor)
    assert tensor.quant is not None
    if len(tensor.quant.scale) != 1:
        raise BadInput(f"{where}: an activation must have one scale, this has {len(tensor.quant.scale)}")


def check_quantization(tensor: Tensor) -> None:
    """Raise :class:`BadInput` unless an int8 tensor has usable scales and zero points."""
    where = describe(tensor)
    if tensor.quant is None:
        raise BadInput(f"{where} is int8 without a scale; quantise to full int8")
    for scale in tensor.quant.scale:
        if not math.isfinite(scale) or scale < _SMALLEST_NORMAL:
            raise BadInput(f"{where}: scale {scale!r} is not a normal positive number; calibrate again")
    for zero_point in tensor.quant.zero_point:
        if not -128 <= zero_point <= 127:
            raise BadInput(f"{where}: zero point {zero_point} does not fit int8; quantise again")
