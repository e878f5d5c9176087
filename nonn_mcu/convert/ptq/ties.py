"""Which activations must have one scale between them, and which must keep the one they have."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Generic, TypeVar

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.convert.ptq.net import WEIGHTED

T = TypeVar("T", bound=Hashable)

# The output's scale is free: these kernels multiply by the ratio of the scales.
FREE = {
    "ADD",
    "CONV_2D",
    "DEPTHWISE_CONV_2D",
    "FULLY_CONNECTED",
    "HARD_SWISH",
    "LEAKY_RELU",
    "MEAN",
    "MUL",
    "QUANTIZE",
    "RELU",
    "RELU6",
    "SUB",
}
# These copy or compare values: outputs have the scale of the inputs.
SAME = {
    "AVERAGE_POOL_2D",
    "CONCATENATION",
    "EXPAND_DIMS",
    "MAX_POOL_2D",
    "PAD",
    "PADV2",
    "RESHAPE",
    "RESIZE_BILINEAR",
    "RESIZE_NEAREST_NEIGHBOR",
    "SLICE",
    "SPLIT",
    "SPLIT_V",
    "SQUEEZE",
    "STRIDED_SLICE",
    "TRANSPOSE",
}
# Of these, all but the averages give values that they read: nothing is rounded.
MOVING = SAME - {"AVERAGE_POOL_2D", "RESIZE_BILINEAR"}
# The output's scale is part of the operator's definition.
FIXED = {"L2_NORMALIZATION", "LOGISTIC", "LOG_SOFTMAX", "SOFTMAX", "TANH"}


class Union(Generic[T]):
    """Disjoint sets, merged step by step; each is known by its member that came first."""

    def __init__(self) -> None:
        self._above: dict[T, T] = {}

    def root(self, item: T) -> T:
        """Give the member that stands for the item's set."""
        above = self._above.setdefault(item, item)
        while above != item:
            self._above[item] = self._above.setdefault(above, above)
            item, above = above, self._above[above]
        return item

    def merge(self, first: T, second: T) -> None:
        """Make one set of two."""
        self._above[self.root(second)] = self.root(first)

    def sets(self, items: Iterable[T]) -> list[tuple[T, ...]]:
        """Divide the items into their sets, in order."""
        found: dict[T, list[T]] = {}
        for item in items:
            found.setdefault(self.root(item), []).append(item)
        return [tuple(members) for members in found.values()]


def tied(graph: Graph, layers: Iterable[int]) -> list[tuple[int, ...]]:
    """Give the sets of int8 activations, by index, that may get a new scale, one for each set.

    ``layers`` are the operators whose constants will be written anew. In no set are inputs, which the stock
    converter rounds well and which devices of one network share, and activations that an operator not known
    here reads or writes.
    """
    understood, union = set(layers), Union[int]()
    computed = (index for op in graph.ops for index in op.outputs)
    activations = [i for i in (*graph.inputs, *computed) if graph.tensors[i].dtype == "int8"]
    kept = set(graph.inputs)
    for op in graph.ops:
        values = [i for i in (*op.inputs, *op.outputs) if i >= 0 and graph.tensors[i].dtype == "int8"]
        moving = [i for i in values if graph.tensors[i].data is None]
        if op.kind in SAME:
            for index in moving[1:]:
                union.merge(moving[0], index)
            if len(moving) < len(values):  # a constant keeps its scale, and so do the others
                kept.update(moving)
        elif op.kind in FIXED:
            kept.update(op.outputs)
        elif op.kind not in FREE or (op.kind in WEIGHTED and op.index not in understood):
            kept.update(moving)
    fixed = {union.root(index) for index in kept}
    return [members for members in union.sets(activations) if union.root(members[0]) not in fixed]
