"""What operators cost over TensorFlow Lite Micro, as far as the file says it: MACs, constants, memory."""

from __future__ import annotations

from collections.abc import Callable
from math import prod

from nonn_mcu.codegen.graph import Graph, Op, Tensor

_BYTES = {"bool": 1, "int8": 1, "uint8": 1, "int16": 2, "int32": 4, "float32": 4, "int64": 8}

# Of (first input, second input, output) of operators that are made of them.
_MACS: dict[str, Callable[[Tensor, Tensor, Tensor], int]] = {
    "BATCH_MATMUL": lambda left, right, output: output.size * left.shape[-1],
    "CONV_2D": lambda source, weights, output: output.size * prod(weights.shape[1:]),
    "DEPTHWISE_CONV_2D": lambda source, weights, output: output.size * prod(weights.shape[1:3]),
    "FULLY_CONNECTED": lambda source, weights, output: output.size * weights.shape[-1],
}


def macs(graph: Graph, op: Op) -> int:
    """Multiplications and additions of one inference; 0 where it is not made of them."""
    tensors = [graph.tensors[index] for index in (*op.inputs, op.outputs[0])]
    if op.kind == "TRANSPOSE_CONV":  # reads its output's shape, the weights, the data
        return tensors[2].size * prod(tensors[1].shape[:3])
    return _MACS[op.kind](tensors[0], tensors[1], tensors[-1]) if op.kind in _MACS else 0


def flash_bytes(graph: Graph, op: Op) -> int:
    """Bytes of the constants that it reads."""
    return sum(_bytes(graph.tensors[i]) for i in {*op.inputs} - {-1} if graph.tensors[i].data is not None)


def live_bytes(graph: Graph) -> tuple[int, ...]:
    """Per operator, bytes of the tensors that must exist while it runs; records and scratch come on top."""
    first = dict.fromkeys(graph.inputs, 0)
    last: dict[int, int] = {}
    for step, op in enumerate(graph.ops):
        first |= dict.fromkeys(op.outputs, step)
        last |= dict.fromkeys((*op.inputs, *op.outputs), step)
    last |= dict.fromkeys(graph.outputs, len(graph.ops) - 1)
    alive = [0] * len(graph.ops)
    for index, start in first.items():
        for step in range(start, last.get(index, start) + 1):
            alive[step] += _bytes(graph.tensors[index])
    return tuple(alive)


def _bytes(tensor: Tensor) -> int:
    return tensor.size * _BYTES.get(tensor.dtype, 1)
