"""The converter's int8 model and its float model hold the same operators: which is whose twin.

Both come from one SavedModel through one sequence of passes, so that operators stand in the same order; the
int8 model has QUANTIZE operators in addition where two scales meet. Nothing is taken on trust: kinds,
options, shapes and the flow of data have to agree, or there is no pair.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from nonn_mcu.codegen.graph import Graph, Op


@dataclass(frozen=True, eq=False)
class Pair:
    """An int8 graph (``quantised``) and a float one (``exact``) of the same network.

    ``twin`` gives for every activation of the int8 graph the float tensor that it approximates, ``ops`` for
    the index of every int8 operator but QUANTIZE that of its float operator.
    """

    quantised: Graph
    exact: Graph
    twin: Mapping[int, int]
    ops: Mapping[int, int]


def pair(quantised: Graph, exact: Graph) -> Pair | None:
    """Pair the operators in order; None where the two graphs are not the same network."""
    if len(quantised.inputs) != len(exact.inputs) or len(quantised.outputs) != len(exact.outputs):
        return None
    twin = dict(zip(quantised.inputs, exact.inputs, strict=True))
    ops: dict[int, int] = {}
    left = iter(exact.ops)
    for op in quantised.ops:
        if op.kind == "QUANTIZE":
            if op.inputs[0] not in twin:
                return None
            twin[op.outputs[0]] = twin[op.inputs[0]]
            continue
        other = next(left, None)
        if other is None or not _alike(quantised, op, exact, other, twin):
            return None
        twin.update(zip(op.outputs, other.outputs, strict=True))
        ops[op.index] = other.index
    outputs = tuple(twin.get(index) for index in quantised.outputs)
    same_shapes = all(quantised.tensors[a].shape == exact.tensors[b].shape for a, b in twin.items())
    if next(left, None) is not None or outputs != exact.outputs or not same_shapes:
        return None
    return Pair(quantised, exact, MappingProxyType(twin), MappingProxyType(ops))


def _alike(quantised: Graph, op: Op, exact: Graph, other: Op, twin: Mapping[int, int]) -> bool:
    """Say whether two operators do the same to the same tensors; constants need only the same shape."""
    if op.kind != other.kind or dict(op.options) != dict(other.options):
        return False
    if len(op.inputs) != len(other.inputs) or len(op.outputs) != len(other.outputs):
        return False
    for a, b in zip(op.inputs, other.inputs, strict=True):
        if a < 0 or b < 0:
            if a != b:
                return False
        elif quantised.tensors[a].data is None:
            if twin.get(a) != b:
                return False
        elif exact.tensors[b].data is None or quantised.tensors[a].shape != exact.tensors[b].shape:
            return False
    return True
