"""The model behind TensorFlow Lite Micro: its operators' registrations, and the C++ that hands it over."""

from __future__ import annotations

from dataclasses import dataclass

from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.codegen.unsupported import Unsupported, label

# TensorFlow Lite's builtins that MicroMutableOpResolver can add (micro_mutable_op_resolver.h, 2026-08), by
# the name of the method behind "Add". What works on float, strings or state alone is not here.
METHODS = {
    "ABS": "Abs",
    "ADD": "Add",
    "ADD_N": "AddN",
    "ARG_MAX": "ArgMax",
    "ARG_MIN": "ArgMin",
    "AVERAGE_POOL_2D": "AveragePool2D",
    "BATCH_MATMUL": "BatchMatMul",
    "BATCH_TO_SPACE_ND": "BatchToSpaceNd",
    "BROADCAST_ARGS": "BroadcastArgs",
    "BROADCAST_TO": "BroadcastTo",
    "CAST": "Cast",
    "CONCATENATION": "Concatenation",
    "CONV_2D": "Conv2D",
    "DEPTHWISE_CONV_2D": "DepthwiseConv2D",
    "DEPTH_TO_SPACE": "DepthToSpace",
    "DEQUANTIZE": "Dequantize",
    "EQUAL": "Equal",
    "EXPAND_DIMS": "ExpandDims",
    "FILL": "Fill",
    "FULLY_CONNECTED": "FullyConnected",
    "GATHER": "Gather",
    "GATHER_ND": "GatherNd",
    "GREATER": "Greater",
    "GREATER_EQUAL": "GreaterEqual",
    "HARD_SWISH": "HardSwish",
    "L2_NORMALIZATION": "L2Normalization",
    "LEAKY_RELU": "LeakyRelu",
    "LESS": "Less",
    "LESS_EQUAL": "LessEqual",
    "LOGISTIC": "Logistic",
    "LOG_SOFTMAX": "LogSoftmax",
    "MAXIMUM": "Maximum",
    "MAX_POOL_2D": "MaxPool2D",
    "MEAN": "Mean",
    "MINIMUM": "Minimum",
    "MIRROR_PAD": "MirrorPad",
    "MUL": "Mul",
    "NOT_EQUAL": "NotEqual",
    "PACK": "Pack",
    "PAD": "Pad",
    "PADV2": "PadV2",
    "PRELU": "Prelu",
    "QUANTIZE": "Quantize",
    "REDUCE_MAX": "ReduceMax",
    "REDUCE_MIN": "ReduceMin",
    "RELU": "Relu",
    "RELU6": "Relu6",
    "RESHAPE": "Reshape",
    "RESIZE_BILINEAR": "ResizeBilinear",
    "RESIZE_NEAREST_NEIGHBOR": "ResizeNearestNeighbor",
    "REVERSE_V2": "ReverseV2",
    "RSQRT": "Rsqrt",
    "SELECT_V2": "SelectV2",
    "SHAPE": "Shape",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SPACE_TO_BATCH_ND": "SpaceToBatchNd",
    "SPACE_TO_DEPTH": "SpaceToDepth",
    "SPLIT": "Split",
    "SPLIT_V": "SplitV",
    "SQUARED_DIFFERENCE": "SquaredDifference",
    "SQUEEZE": "Squeeze",
    "STRIDED_SLICE": "StridedSlice",
    "SUB": "Sub",
    "SUM": "Sum",
    "SVDF": "Svdf",
    "TANH": "Tanh",
    "TRANSPOSE": "Transpose",
    "TRANSPOSE_CONV": "TransposeConv",
    "UNPACK": "Unpack",
    "ZEROS_LIKE": "ZerosLike",
}

# Those with a registration for int8 alone, which leaves out the other types' kernels: the header that has
# it. Where a kernel library has none, the header falls back to the full one.
INT8_HEADERS = {
    "ADD": "add",
    "AVERAGE_POOL_2D": "pooling",
    "BATCH_MATMUL": "batch_matmul",
    "CONV_2D": "conv",
    "DEPTHWISE_CONV_2D": "depthwise_conv",
    "FULLY_CONNECTED": "fully_connected",
    "MAXIMUM": "maximum_minimum",
    "MAX_POOL_2D": "pooling",
    "MINIMUM": "maximum_minimum",
    "MUL": "mul",
    "PAD": "pad",
    "SOFTMAX": "softmax",
    "SVDF": "svdf",
    "TRANSPOSE": "transpose",
    "TRANSPOSE_CONV": "transpose_conv",
}


@dataclass(frozen=True)
class Operator:
    """One kind of operator: the resolver's method is ``Add<method>``.

    ``header`` (of ``tensorflow/lite/micro/kernels``) has its registration for int8 alone; empty where there
    is none or the model needs more.
    """

    kind: str
    method: str
    header: str


def operators(graph: Graph) -> tuple[Operator, ...]:
    """Each kind of operator in the file once, by name; the graph must be as it was read, not folded.

    Raises :class:`Unsupported` for one that TensorFlow Lite Micro does not have.
    """
    for op in graph.ops:
        if op.kind not in METHODS:
            raise Unsupported(
                f"{label(graph, op)}: TensorFlow Lite Micro has no such operator; replace it in the network"
            )
    return tuple(
        Operator(kind, METHODS[kind], INT8_HEADERS.get(kind, "") if _is_int8(graph, kind) else "")
        for kind in sorted({op.kind for op in graph.ops})
    )


def _is_int8(graph: Graph, kind: str) -> bool:
    """Say whether every operator of this kind reads and writes int8; shape arithmetic is int32."""
    ends = [(op.inputs[0], op.outputs[0]) for op in graph.ops if op.kind == kind and op.inputs and op.outputs]
    return all(graph.tensors[index].dtype == "int8" for pair in ends for index in pair)


def has_per_channel_dense(graph: Graph) -> bool:
    """Say whether a FULLY_CONNECTED has a scale per output channel, which old libraries get wrong."""
    return any(op.kind == "FULLY_CONNECTED" and _scales(graph, op) > 1 for op in graph.ops)


def _scales(graph: Graph, op: Op) -> int:
    quant = graph.tensors[op.inputs[1]].quant if len(op.inputs) > 1 and op.inputs[1] >= 0 else None
    return 0 if quant is None else len(quant.scale)
