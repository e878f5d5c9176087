"""CONCATENATION: one copy per input into its place in the output."""

from __future__ import annotations

from math import prod

from nonn_mcu.codegen.arguments import operands, require_int8, require_output_shape, require_rank
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.layer import Layer
from nonn_mcu.codegen.unsupported import require

KINDS = ("CONCATENATION",)

_MOST_INPUTS = 256  # TensorFlow Lite Micro itself stops at 10


def lower(graph: Graph, op: Op) -> tuple[Layer, ...]:
    """Any axis, rank 1 to 6; all inputs quantised as the output, as the reference demands: nothing rescales.

    Raises :class:`Unsupported`.
    """
    sources = operands(graph, op, 1, _MOST_INPUTS)
    output = graph.tensors[op.outputs[0]]
    rank = len(output.shape)
    axis = int(op.options["axis"])
    require(-rank <= axis < rank, graph, op, f"axis {axis} does not exist in shape {list(output.shape)}")
    axis %= rank
    activation = op.options["fused_activation"]
    require(activation == "NONE", graph, op, f"fused activation {activation}; make it a layer of its own")
    for source in sources:
        require_int8(graph, op, source)
        require_rank(graph, op, source, rank, rank)
        require(
            (source.scale, source.zero_point) == (output.scale, output.zero_point),
            graph,
            op,
            "an input is quantised unlike the output; requantise it first",
        )
        require(
            _without(source.shape, axis) == _without(output.shape, axis),
            graph,
            op,
            f"an input {list(source.shape)} does not fit into {list(output.shape)} along axis {axis}",
        )
    total = sum(source.shape[axis] for source in sources)
    require_output_shape(graph, op, (*output.shape[:axis], total, *output.shape[axis + 1 :]))
    runs = [prod(source.shape[axis:]) for source in sources]
    return tuple(
        Layer(
            kernel="concatenation",
            params={
                "count": prod(output.shape[:axis]),
                "run_bytes": run,
                "output_step": sum(runs),
                "offset": sum(runs[:position]),
            },
            inputs=(source.index,),
            output=output.index,
            notes=(f"axis {axis}",),
        )
        for position, (source, run) in enumerate(zip(sources, runs, strict=True))
    )


def _without(shape: tuple[int, ...], axis: int) -> tuple[int, ...]:
    return shape[:axis] + shape[axis + 1 :]
