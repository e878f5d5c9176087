"""Copies of ``.tflite`` files that every peer accepts: int8 at both ends, no softmax, shapes spelt out."""

from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as fb

_ENDS = {fb.BuiltinOperator.QUANTIZE, fb.BuiltinOperator.DEQUANTIZE, fb.BuiltinOperator.SOFTMAX}


def plain(path: Path) -> bytes:
    """Cut QUANTIZE, DEQUANTIZE and SOFTMAX off the ends of the first graph, and fix the batch at 1."""
    model = fb.ModelT.InitFromPackedBuf(path.read_bytes(), 0)
    (graph,) = model.subgraphs

    def kind(op: fb.OperatorT) -> int:
        code = model.operatorCodes[op.opcodeIndex]
        return max(code.builtinCode, code.deprecatedBuiltinCode)

    while kind(graph.operators[0]) in _ENDS:
        graph.inputs = [graph.operators.pop(0).outputs[0]]
    while kind(graph.operators[-1]) in _ENDS:
        graph.outputs = [graph.operators.pop().inputs[0]]
    for tensor in graph.tensors:
        tensor.shapeSignature = None
    for op in graph.operators:
        if kind(op) == fb.BuiltinOperator.RESHAPE:
            options = fb.ReshapeOptionsT()
            options.newShape = list(graph.tensors[op.outputs[0]].shape)
            op.builtinOptionsType, op.builtinOptions = fb.BuiltinOptions.ReshapeOptions, options
            op.inputs = list(op.inputs)[:1]
    model.signatureDefs = []
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
