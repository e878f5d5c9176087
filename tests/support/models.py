"""Build small .tflite files from Python values, well-formed or not, with the schema's object API."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as fb

DTYPES = {
    "float32": fb.TensorType.FLOAT32,
    "int8": fb.TensorType.INT8,
    "uint8": fb.TensorType.UINT8,
    "int16": fb.TensorType.INT16,
    "int32": fb.TensorType.INT32,
    "int64": fb.TensorType.INT64,
}
ACTIVATIONS = {
    "NONE": fb.ActivationFunctionType.NONE,
    "RELU": fb.ActivationFunctionType.RELU,
    "RELU_N1_TO_1": fb.ActivationFunctionType.RELU_N1_TO_1,
    "RELU6": fb.ActivationFunctionType.RELU6,
    "TANH": fb.ActivationFunctionType.TANH,
}


@dataclass(frozen=True, eq=False)
class T:
    """One tensor. ``scale`` may be a list with ``axis`` (per channel); None leaves it unquantised."""

    shape: tuple[int, ...]
    scale: float | Sequence[float] | None = 1.0
    zero_point: int | Sequence[int] = 0
    data: np.ndarray | None = None
    dtype: str = "int8"
    axis: int = 0
    name: str = "tensor"
    signature: tuple[int, ...] | None = None


@dataclass(frozen=True, eq=False)
class O:  # noqa: E742 - an operator, beside T
    """One operator: the builtin's name, tensor indices, and its options table's fields by schema name."""

    kind: str
    inputs: Sequence[int]
    outputs: Sequence[int]
    options: Mapping[str, Any] = field(default_factory=dict)


def constant(values: Any, dtype: str = "int32") -> T:
    """An unquantised constant: axes, paddings, shapes."""
    array = np.asarray(values, dtype)
    return T(array.shape, None, data=array, dtype=dtype, name="constant")


def build(
    tensors: Sequence[T], ops: Sequence[O], inputs: Sequence[int], outputs: Sequence[int], **model_fields: Any
) -> bytes:
    """Serialise one subgraph."""
    model = fb.ModelT()
    model.version = 3
    model.buffers = [fb.BufferT()]
    graph = fb.SubGraphT()
    graph.tensors = [_tensor(tensor, model) for tensor in tensors]
    model.operatorCodes = []
    graph.operators = [_operator(op, model) for op in ops]
    graph.inputs, graph.outputs = list(inputs), list(outputs)
    model.subgraphs = [graph]
    for key, value in model_fields.items():
        setattr(model, key, value)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())


def single_op(kind: str, inputs: Sequence[T], output: T, **options: Any) -> bytes:
    """A model of one operator. Tensors without data are the model's inputs; None is an absent operand."""
    tensors = [tensor for tensor in inputs if tensor is not None]
    indices = [-1 if tensor is None else tensors.index(tensor) for tensor in inputs]
    variable = [i for i, tensor in enumerate(tensors) if tensor.data is None]
    op = O(kind, indices, [len(tensors)], options)
    return build([*tensors, output], [op], variable, [len(tensors)])


def _tensor(tensor: T, model: Any) -> Any:
    made = fb.TensorT()
    made.shape = list(tensor.shape)
    made.type = DTYPES[tensor.dtype]
    made.name = tensor.name
    made.shapeSignature = None if tensor.signature is None else list(tensor.signature)
    made.buffer = 0
    if tensor.data is not None:
        buffer = fb.BufferT()
        buffer.data = np.frombuffer(np.ascontiguousarray(tensor.data, tensor.dtype).tobytes(), np.uint8)
        made.buffer = len(model.buffers)
        model.buffers.append(buffer)
    if tensor.scale is not None:
        quant = fb.QuantizationParametersT()
        quant.scale = [tensor.scale] if isinstance(tensor.scale, int | float) else list(tensor.scale)
        zeros = tensor.zero_point
        quant.zeroPoint = [zeros] * len(quant.scale) if isinstance(zeros, int) else list(zeros)
        quant.quantizedDimension = tensor.axis
        made.quantization = quant
    return made


_OPTIONS = {
    "SHAPE": "ShapeOptions",
    "MEAN": "ReducerOptions",
    "AVERAGE_POOL_2D": "Pool2DOptions",
    "MAX_POOL_2D": "Pool2DOptions",
    "CONV_2D": "Conv2DOptions",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2DOptions",
    "PADV2": "PadV2Options",
    "RELU": None,
    "RELU6": None,
    "LOGISTIC": None,
    "TANH": None,
    "CUSTOM": None,
}


def _operator(op: O, model: Any) -> Any:
    code = fb.OperatorCodeT()
    code.builtinCode = getattr(fb.BuiltinOperator, op.kind)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 1
    made = fb.OperatorT()
    made.opcodeIndex = len(model.operatorCodes)
    model.operatorCodes.append(code)
    made.inputs, made.outputs = list(op.inputs), list(op.outputs)
    camel = "".join(word.capitalize() for word in op.kind.split("_")) + "Options"
    table = _OPTIONS.get(op.kind, camel)
    if table is not None and hasattr(fb, f"{table}T"):
        options = getattr(fb, f"{table}T")()
        for key, value in op.options.items():
            assert hasattr(options, key), f"{table} has no field {key}"
            setattr(options, key, ACTIVATIONS.get(value, value) if isinstance(value, str) else value)
        made.builtinOptions = options
        made.builtinOptionsType = getattr(fb.BuiltinOptions, table)
    return made
