"""PAD and PADV2: a border of the zero point, or of a given value."""

from __future__ import annotations

from nonn_mcu.codegen.arguments import integers, operands, require_int8, require_output_shape, require_rank
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.strides import merged, padded, row_major
from nonn_mcu.codegen.unsupported import require

KINDS = ("PAD", "PADV2")


def lower(graph: Graph, op: Op) -> Layer:
    """Rank 1 to 5; paddings constant, int32 or int64, shape [rank, 2], none negative.

    Raises :class:`Unsupported`.
    """
    source, paddings_tensor, *value = operands(graph, op, 2, 3)
    require_int8(graph, op, source)
    require_rank(graph, op, source, 1, 5)
    flat = integers(graph, op, paddings_tensor, "paddings", ("int32", "int64"))
    require(
        len(flat) == 2 * len(source.shape) and min(flat) >= 0,
        graph,
        op,
        f"paddings {list(flat)} must be two numbers, not negative, for each of {len(source.shape)} axes",
    )
    before, after = flat[::2], flat[1::2]
    shape = tuple(b + size + a for b, size, a in zip(before, source.shape, after, strict=True))
    require_output_shape(graph, op, shape)
    strides = row_major(shape)
    counts, steps = merged(source.shape, strides)
    row = 1
    if steps and steps[-1] == 1:
        row, counts, steps = counts[-1], counts[:-1], steps[:-1]
    counts, steps = padded(counts, steps, 4)
    output = graph.tensors[op.outputs[0]]
    return Layer(
        kernel="pad",
        params={
            "value": _border(graph, op, value[0]) if value else output.zero_point,
            "output_bytes": output.size,
            "offset": sum(b * stride for b, stride in zip(before, strides, strict=True)),
            "count": counts,
            "stride": steps,
            "row_bytes": row,
        },
        inputs=op.inputs[:1],
        output=op.outputs[0],
        notes=("padding " + ", ".join(f"{b}+{a}" for b, a in zip(before, after, strict=True)),),
    )


def _border(graph: Graph, op: Op, value: Tensor) -> int:
    """Return the given int8 value, which must be quantised as the output is."""
    require_int8(graph, op, value)
    output = graph.tensors[op.outputs[0]]
    found = integers(graph, op, value, "the padding value", ("int8",))
    require(len(found) == 1, graph, op, f"{len(found)} padding values, expected one")
    require(
        (value.scale, value.zero_point) == (output.scale, output.zero_point),
        graph,
        op,
        "the padding value is quantised unlike the output; convert the model again",
    )
    return found[0]
