"""TRANSPOSE: a gather whose strides are the input's, permuted."""

from __future__ import annotations

from nonn_mcu.codegen.arguments import integers, operands, require_int8, require_output_shape, require_rank
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.strides import merged, padded, row_major
from nonn_mcu.codegen.unsupported import require

KINDS = ("TRANSPOSE",)


def lower(graph: Graph, op: Op) -> Layer:
    """Output axis ``k`` is input axis ``perm[k]``; rank 1 to 5, ``perm`` constant, its axes not negative.

    Raises :class:`Unsupported`.
    """
    source, perm_tensor = operands(graph, op, 2)
    require_int8(graph, op, source)
    require_rank(graph, op, source, 1, 5)
    perm = integers(graph, op, perm_tensor, "perm")
    axes = list(range(len(source.shape)))
    require(sorted(perm) == axes, graph, op, f"perm {list(perm)} does not hold each of {axes} once")
    shape = tuple(source.shape[axis] for axis in perm)
    require_output_shape(graph, op, shape)
    strides = row_major(source.shape)
    counts, steps = padded(*merged(shape, tuple(strides[axis] for axis in perm)), 5)
    return Layer(
        kernel="strided_copy",
        params={"offset": 0, "count": counts, "stride": steps},
        inputs=op.inputs[:1],
        output=op.outputs[0],
        notes=(f"perm {list(perm)}",),
    )
