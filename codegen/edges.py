"""A model whose inputs or outputs are float or uint8 around an int8 network: take the edges off.

The host quantises and dequantises; the device gets and gives int8. A leading QUANTIZE and a trailing
DEQUANTIZE or QUANTIZE go, and what they read or wrote becomes the model's input or output.
"""

from __future__ import annotations

import numpy as np

from nonn_mcu.codegen.check import check_order, describe
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.pack import pack, unpack
from nonn_mcu.codegen.reader import read
from nonn_mcu.errors import BadInput

_ADVICE = "this is a float model; convert from the .pt or quantise to full int8"


def strip_edges(model: bytes) -> bytes:
    """Return the model with int8 inputs and outputs; the same bytes when it has them already.

    Raises :class:`BadInput` for a damaged file, and for an input or output that is not int8 and has no
    such operator beside it, as in a float model.
    """
    graph = read(model)
    check_order(graph)
    ahead = {index: _ahead(graph, index) for index in graph.inputs if graph.tensors[index].dtype != "int8"}
    behind = {index: _behind(graph, index) for index in graph.outputs if graph.tensors[index].dtype != "int8"}
    if not ahead and not behind:
        return model
    replaced = {old: op.outputs[0] for old, op in ahead.items()} | {
        old: op.inputs[0] for old, op in behind.items()
    }
    return _rewrite(model, {op.index for op in (*ahead.values(), *behind.values())}, replaced)


def _ahead(graph: Graph, index: int) -> Op:
    readers = [op for op in graph.ops if index in op.inputs]
    if len(readers) != 1 or readers[0].kind != "QUANTIZE" or index in graph.outputs:
        raise BadInput(f"input {describe(graph.tensors[index])} is {graph.tensors[index].dtype}; {_ADVICE}")
    _require_int8(graph, readers[0].outputs[0])
    return readers[0]


def _behind(graph: Graph, index: int) -> Op:
    writer = next(op for op in graph.ops if index in op.outputs)
    readers = [op for op in graph.ops if index in op.inputs]
    if writer.kind not in ("DEQUANTIZE", "QUANTIZE") or len(writer.inputs) != 1 or readers:
        raise BadInput(f"output {describe(graph.tensors[index])} is {graph.tensors[index].dtype}; {_ADVICE}")
    _require_int8(graph, writer.inputs[0])
    return writer


def _require_int8(graph: Graph, index: int) -> None:
    tensor = graph.tensors[index]
    if tensor.dtype != "int8":
        raise BadInput(f"{describe(tensor)} is {tensor.dtype}; {_ADVICE}")


def _rewrite(model: bytes, dropped: set[int], replaced: dict[int, int]) -> bytes:
    tree = unpack(model)
    graph = tree.subgraphs[0]
    graph.inputs = np.array([replaced.get(int(i), int(i)) for i in graph.inputs], np.int32)
    graph.outputs = np.array([replaced.get(int(i), int(i)) for i in graph.outputs], np.int32)
    graph.operators = [op for number, op in enumerate(graph.operators) if number not in dropped]
    for signature in tree.signatureDefs or ():
        for entry in (*(signature.inputs or ()), *(signature.outputs or ())):
            entry.tensorIndex = replaced.get(entry.tensorIndex, entry.tensorIndex)
    return pack(tree)
