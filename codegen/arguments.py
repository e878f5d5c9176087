"""What the operators ask of their tensors before they look at them. The file is hostile: all is checked."""

from __future__ import annotations

from nonn_mcu.codegen.check import check_quantization
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.unsupported import require


def operands(graph: Graph, op: Op, least: int, most: int | None = None) -> tuple[Tensor, ...]:
    """Return the operator's inputs, ``least`` to ``most`` (default: exactly ``least``), none left out.

    Raises :class:`Unsupported` for another number of inputs, or for more than one output.
    """
    most = least if most is None else most
    expected = str(least) if least == most else f"{least} to {most}"
    require(
        least <= len(op.inputs) <= most and len(op.outputs) == 1 and min(op.inputs) >= 0,
        graph,
        op,
        f"has inputs {list(op.inputs)} and outputs {list(op.outputs)}, "
        f"expected {expected} and 1; convert the model again",
    )
    return tuple(graph.tensors[index] for index in op.inputs)


def require_int8(graph: Graph, op: Op, tensor: Tensor) -> None:
    """Raise :class:`BadInput` unless the data operand, which may be a constant, is int8 with one scale."""
    require(
        tensor.dtype == "int8", graph, op, f"an input is {tensor.dtype}, expected int8; quantise to full int8"
    )
    check_quantization(tensor)
    assert tensor.quant is not None
    scales = len(tensor.quant.scale)
    require(scales == 1, graph, op, f"an input has {scales} scales, expected one; quantise it as a whole")


def require_rank(graph: Graph, op: Op, tensor: Tensor, least: int, most: int) -> None:
    """Raise :class:`Unsupported` outside the ranks that the reference kernel takes."""
    wanted = str(least) if least == most else f"{least} to {most}"
    require(
        least <= len(tensor.shape) <= most,
        graph,
        op,
        f"shape {list(tensor.shape)} has {len(tensor.shape)} dimensions, this operator takes {wanted}",
    )


def integers(
    graph: Graph, op: Op, tensor: Tensor, what: str, dtypes: tuple[str, ...] = ("int32",)
) -> tuple[int, ...]:
    """Return the elements of a constant integer operand (axes, paddings, ...), flattened.

    int64 is refused by default because the reference kernels would misread it as int32. Raises
    :class:`Unsupported` when the tensor is computed at run time or of another dtype.
    """
    require(
        tensor.data is not None, graph, op, f"{what} is not a constant; export the model with fixed shapes"
    )
    require(tensor.dtype in dtypes, graph, op, f"{what} is {tensor.dtype}, expected {' or '.join(dtypes)}")
    assert tensor.data is not None
    return tuple(int(value) for value in tensor.data.reshape(-1))


def require_output_shape(graph: Graph, op: Op, shape: tuple[int, ...]) -> None:
    """Raise :class:`Unsupported` unless the output is declared with the shape that was inferred."""
    declared = graph.tensors[op.outputs[0]].shape
    require(
        declared == shape,
        graph,
        op,
        f"the output is declared as {list(declared)} but computes to {list(shape)}; convert the model again",
    )
