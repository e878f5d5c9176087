"""Give the tensors of a ``.tflite`` the names of the torch modules they come from.

The tools invent names (``tf.nn.relu_7/Relu_1;...``) that depend on what else ran in the process. A layer's
tensor gets the name of its ONNX node, ``/layer1/layer1.0/conv1/Conv``, constants that of their layer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

# What a fused tensor is named after: the operator that does the work, not the activation on top of it.
_WORK = ("Conv", "Gemm", "MatMul", "Add", "Sub", "Mul")


def name_tensors(
    model: bytes, sources: Mapping[str, str], kinds: Mapping[str, str], outputs: Mapping[str, str]
) -> bytes:
    """Return the same model with new names, ordered outputs, and all constants aligned to 16 bytes.

    ``sources``: Keras layer -> ONNX node; ``kinds``: ONNX node -> its operator; ``outputs``: name in the
    signature -> ONNX node, in the order that the model's outputs shall have.
    """
    from tensorflow.lite.python import schema_py_generated as schema

    operators = {code: name for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
    tree = schema.ModelT.InitFromPackedBuf(model, 0)
    graph = tree.subgraphs[0]
    positions = {_text(tensor.name): tensor.tensorIndex for tensor in tree.signatureDefs[0].outputs}
    graph.outputs = np.array([positions[name] for name in outputs], np.int32)
    fixed = {positions[name]: node for name, node in outputs.items()}
    taken: set[str] = set()
    named: set[int] = set()

    def give(index: int, name: str) -> None:
        if index in named or index < 0:
            return
        unique, count = name, 1
        while unique in taken:
            unique, count = f"{name}_{count}", count + 1
        taken.add(unique)
        named.add(index)
        graph.tensors[index].name = unique.encode()

    for index in graph.inputs:
        give(index, "input")
    nodes = []
    for position, op in enumerate(graph.operators):
        first = op.outputs[0]
        found = fixed.get(first) or _node(_text(graph.tensors[first].name), sources, kinds)
        nodes.append(found or f"layer_{position}")
    for position, op in enumerate(graph.operators):
        code = tree.operatorCodes[op.opcodeIndex].builtinCode
        # the last operator of a node is the node itself; those before it prepare its input
        helper = f"_{operators.get(code, 'op').lower()}" if nodes[position] in nodes[position + 1 :] else ""
        for index in op.outputs:
            give(index, nodes[position] + helper)
    for op in graph.operators:
        layer = _text(graph.tensors[op.outputs[0]].name)
        for slot, index in enumerate(op.inputs):
            give(index, f"{layer}_{('input', 'weight', 'bias')[slot] if slot < 3 else slot}")
    for index in range(len(graph.tensors)):
        give(index, f"unused_{index}")
    for buffer in tree.buffers:
        buffer.__class__ = _aligned(schema)
    return _pack(tree)


def _node(name: str, sources: Mapping[str, str], kinds: Mapping[str, str]) -> str | None:
    parts = [origin.split("/") for origin in name.split(";")]
    nodes = [sources[part[1]] for part in parts if len(part) > 1 and part[1] in sources]
    return next(
        (node for kind in _WORK for node in nodes if kinds.get(node) == kind), nodes[0] if nodes else None
    )


def _text(name: Any) -> str:
    return name.decode() if isinstance(name, bytes) else str(name)


def _aligned(schema: Any) -> type:
    class Aligned(schema.BufferT):
        """A buffer whose data starts at a multiple of 16, as the schema demands (``force_align``)."""

        def Pack(self, builder: Any) -> Any:  # noqa: N802 - the schema's name
            data = None
            if self.data is not None and len(self.data):
                raw = np.asarray(self.data, np.uint8).tobytes()
                builder.StartVector(1, len(raw), 16)
                builder.head -= len(raw)
                builder.Bytes[builder.head : builder.head + len(raw)] = raw
                data = builder.EndVector()
            schema.BufferStart(builder)
            if data is not None:
                schema.BufferAddData(builder, data)
            return schema.BufferEnd(builder)

    return Aligned


def _pack(tree: Any) -> bytes:
    import flatbuffers

    builder = flatbuffers.Builder(1 << 20)
    builder.Finish(tree.Pack(builder), b"TFL3")
    return bytes(builder.Output())
