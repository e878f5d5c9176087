"""Give the tensors of a ``.tflite`` the names of the torch modules they come from.

The tools invent names (``tf.nn.relu_7/Relu_1;...``) that depend on what else ran in the process. A layer's
tensor gets the name of its ONNX node, ``/layer1/layer1.0/conv1/Conv``, constants that of their layer.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from nonn_mcu.codegen.graph import Graph
from nonn_mcu.codegen.pack import pack, unpack
from nonn_mcu.codegen.reader import read

# What a fused tensor is named after: the operator that does the work, not the activation on top of it.
_WORK = ("Conv", "Gemm", "MatMul", "Add", "Sub", "Mul")
_EDGES = ("QUANTIZE", "DEQUANTIZE")
_CONSTANTS = ("input", "weight", "bias")


def name_tensors(model: bytes, sources: Mapping[str, str], onnx: Any, outputs: Sequence[str]) -> bytes:
    """Return the same model with new names, ordered outputs, and all constants aligned to 16 bytes.

    ``sources``: Keras layer -> node of ``onnx`` (a ``GraphProto``); ``outputs``: for each output of
    ``onnx``, in order, its name in the model's signature.
    """
    graph, tree = read(model), unpack(model)
    indices = {_text(tensor.name): tensor.tensorIndex for tensor in tree.signatureDefs[0].outputs}
    order = [indices[name] for name in outputs]
    tree.subgraphs[0].outputs = np.array(order, np.int32)
    kinds = {node.name: node.op_type for node in onnx.node}
    nodes = _nodes(graph, sources, kinds, dict(zip(order, _output_nodes(onnx), strict=True)))
    for tensor, name in zip(tree.subgraphs[0].tensors, _names(graph, nodes), strict=True):
        tensor.name = name.encode()
    return pack(tree)


def _output_nodes(onnx: Any) -> list[str]:
    """Name the node that computes each output; of a fused activation, the node below it."""
    makers = {name: node for node in onnx.node for name in node.output}
    found = []
    for output in onnx.output:
        node = makers.get(output.name)
        if node is not None and node.op_type in ("Relu", "Clip"):
            below = makers.get(node.input[0])
            node = below if below is not None and below.op_type in _WORK else node
        found.append(output.name if node is None else node.name)
    return found


def _nodes(
    graph: Graph, sources: Mapping[str, str], kinds: Mapping[str, str], outputs: Mapping[int, str]
) -> list[str]:
    """Find the ONNX node of each operator."""
    found = [
        outputs.get(op.outputs[0]) or _node(graph.tensors[op.outputs[0]].name, sources, kinds)
        for op in graph.ops
    ]
    # a float operator just before the QUANTIZE that gives an output has no name of its own
    readers = [
        next((n for n, r in enumerate(graph.ops) if op.outputs[0] in r.inputs), None) for op in graph.ops
    ]
    return [
        own or (found[reader] if reader is not None else None) or f"layer_{position}"
        for position, (own, reader) in enumerate(zip(found, readers, strict=True))
    ]


def _node(name: str, sources: Mapping[str, str], kinds: Mapping[str, str]) -> str | None:
    parts = [origin.split("/") for origin in name.split(";")]
    nodes = [sources[part[1]] for part in parts if len(part) > 1 and part[1] in sources]
    worker = (node for kind in _WORK for node in nodes if kinds.get(node) == kind)
    return next(worker, nodes[0] if nodes else None)


def _names(graph: Graph, nodes: Sequence[str]) -> list[str]:
    """Give every tensor a name of its own.

    The last operator of a node is the node itself, those before it prepare its input (``.../Conv_pad``).
    """
    names: dict[int, str] = {}
    taken: set[str] = set()

    def give(index: int, name: str) -> None:
        if index in names or index < 0:
            return
        unique, count = name, 1
        while unique in taken:
            unique, count = f"{name}_{count}", count + 1
        taken.add(unique)
        names[index] = unique

    main = {node: op.index for op, node in zip(graph.ops, nodes, strict=True) if op.kind not in _EDGES}
    for index in graph.inputs:
        give(index, "input")
    for op, node in zip(graph.ops, nodes, strict=True):
        helper = "" if main.get(node) == op.index else f"_{op.kind.lower()}"
        for index in op.outputs:
            give(index, node + helper)
    for op in graph.ops:
        for slot, index in enumerate(op.inputs):
            role = _CONSTANTS[slot] if slot < len(_CONSTANTS) else str(slot)
            give(index, f"{names[op.outputs[0]]}_{role}")
    for tensor in graph.tensors:
        give(tensor.index, f"unused_{tensor.index}")
    return [names[tensor.index] for tensor in graph.tensors]


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)
