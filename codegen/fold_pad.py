"""Graph -> Graph: a PAD in front of a convolution becomes the convolution's own padding.

Exporters write a padding that SAME does not express, as torch's of a stride of 2, as a PAD of its own. The
kernels take any padding, so the padded copy need not exist.
"""

from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType

from nonn_mcu.codegen.graph import Graph, Op

_SLIDING = ("CONV_2D", "DEPTHWISE_CONV_2D")


def fold_pad(graph: Graph) -> Graph:
    """Fold every PAD that only convolutions read and that borders an image with its zero point.

    Such a convolution then has the padding "EXPLICIT" and the option ``pad``: (above, below, left, right).
    Other PADs stay as they are. The graph must have passed :func:`check.check`; tensors and operators keep
    their indices.
    """
    readers: dict[int, list[Op]] = {}
    for op in graph.ops:
        for index in op.inputs:
            readers.setdefault(index, []).append(op)
    folded: dict[int, tuple[Op, tuple[int, ...]]] = {}
    for op in graph.ops:
        border = _border(graph, op)
        if border is not None and op.outputs[0] not in graph.outputs:
            reading = readers.get(op.outputs[0], [])
            if reading and all(_takes(reader, op.outputs[0]) for reader in reading):
                folded[op.outputs[0]] = (op, border)
    kept = [op for op in graph.ops if op.outputs[0] not in folded]
    return replace(
        graph,
        ops=tuple(
            _padded(op, *folded[op.inputs[0]]) if op.inputs[:1] and op.inputs[0] in folded else op
            for op in kept
        ),
    )


def _padded(op: Op, pad: Op, border: tuple[int, ...]) -> Op:
    options = MappingProxyType({**op.options, "padding": "EXPLICIT", "pad": border})
    return replace(op, inputs=(pad.inputs[0], *op.inputs[1:]), options=options)


def _border(graph: Graph, op: Op) -> tuple[int, ...] | None:
    """(above, below, left, right) of a PAD of an image by zeros; None for anything else."""
    if op.kind != "PAD" or len(op.inputs) != 2 or min(op.inputs) < 0 or len(op.outputs) != 1:
        return None
    source, paddings, result = (graph.tensors[index] for index in (*op.inputs, op.outputs[0]))
    if paddings.data is None or paddings.data.size != 8 or len(source.shape) != 4 or source.data is not None:
        return None
    if source.quant != result.quant:
        return None
    batch_0, batch_1, above, below, left, right, channel_0, channel_1 = map(int, paddings.data.reshape(-1))
    size = (source.shape[0], source.shape[1] + above + below, source.shape[2] + left + right, source.shape[3])
    if any((batch_0, batch_1, channel_0, channel_1)) or min(above, below, left, right) < 0:
        return None
    return (above, below, left, right) if size == result.shape else None


def _takes(op: Op, index: int) -> bool:
    return (
        op.kind in _SLIDING
        and op.options["padding"] == "VALID"
        and op.inputs[0] == index
        and op.inputs.count(index) == 1
    )
