"""The parts of TensorFlow Lite's schema (schema.fbs, version 3) that the reader looks at."""

from __future__ import annotations

from nonn_mcu.codegen.flatbuffer import Field, Schema

FILE_IDENTIFIER = b"TFL3"
VERSION = 3


def _table(*fields: tuple[int, str, str] | tuple[int, str, str, int]) -> tuple[Field, ...]:
    return tuple(Field(*field) for field in fields)


_ACTIVATION = "fused_activation"

TABLES: Schema = {
    "Model": _table(
        (0, "version", "uint32"),
        (1, "operator_codes", "[OperatorCode]"),
        (2, "subgraphs", "[SubGraph]"),
        (3, "description", "string"),
        (4, "buffers", "[Buffer]"),
        (5, "metadata_buffer", "[int32]"),
        (6, "metadata", "[Metadata]"),
        (7, "signature_defs", "[SignatureDef]"),
    ),
    "OperatorCode": _table(
        (0, "deprecated_builtin_code", "int8"),
        (1, "custom_code", "string"),
        (2, "version", "int32", 1),
        (3, "builtin_code", "int32"),
    ),
    "SubGraph": _table(
        (0, "tensors", "[Tensor]"),
        (1, "inputs", "[int32]"),
        (2, "outputs", "[int32]"),
        (3, "operators", "[Operator]"),
        (4, "name", "string"),
    ),
    "Tensor": _table(
        (0, "shape", "[int32]"),
        (1, "type", "int8"),
        (2, "buffer", "uint32"),
        (3, "name", "string"),
        (4, "quantization", "QuantizationParameters"),
        (5, "is_variable", "bool"),
        (6, "sparsity", "Opaque"),
        (7, "shape_signature", "[int32]"),
        (10, "external_buffer", "uint32"),
    ),
    "QuantizationParameters": _table(
        (2, "scale", "[float32]"),
        (3, "zero_point", "[int64]"),
        (4, "details_type", "uint8"),
        (6, "quantized_dimension", "int32"),
    ),
    "Operator": _table(
        (0, "opcode_index", "uint32"),
        (1, "inputs", "[int32]"),
        (2, "outputs", "[int32]"),
        (3, "builtin_options_type", "uint8"),
        (4, "builtin_options", "Union"),
        (5, "custom_options", "[uint8]"),
        (7, "mutating_variable_inputs", "[bool]"),
        (8, "intermediates", "[int32]"),
    ),
    "Buffer": _table((0, "data", "[uint8]"), (1, "offset", "uint64"), (2, "size", "uint64")),
    "Metadata": _table((0, "name", "string"), (1, "buffer", "uint32")),
    "SignatureDef": _table(
        (0, "inputs", "[TensorMap]"),
        (1, "outputs", "[TensorMap]"),
        (2, "signature_key", "string"),
        (4, "subgraph_index", "uint32"),
    ),
    "TensorMap": _table((0, "name", "string"), (1, "tensor_index", "uint32")),
    "Opaque": (),
    "Conv2DOptions": _table(
        (0, "padding", "int8"),
        (1, "stride_w", "int32"),
        (2, "stride_h", "int32"),
        (3, _ACTIVATION, "int8"),
        (4, "dilation_w", "int32", 1),
        (5, "dilation_h", "int32", 1),
    ),
    "DepthwiseConv2DOptions": _table(
        (0, "padding", "int8"),
        (1, "stride_w", "int32"),
        (2, "stride_h", "int32"),
        (3, "depth_multiplier", "int32"),
        (4, _ACTIVATION, "int8"),
        (5, "dilation_w", "int32", 1),
        (6, "dilation_h", "int32", 1),
    ),
    "Pool2DOptions": _table(
        (0, "padding", "int8"),
        (1, "stride_w", "int32"),
        (2, "stride_h", "int32"),
        (3, "filter_w", "int32"),
        (4, "filter_h", "int32"),
        (5, _ACTIVATION, "int8"),
    ),
    "FullyConnectedOptions": _table(
        (0, _ACTIVATION, "int8"),
        (1, "weights_format", "int8"),
        (2, "keep_num_dims", "bool"),
    ),
    "SoftmaxOptions": _table((0, "beta", "float32")),
    "ConcatenationOptions": _table((0, "axis", "int32"), (1, _ACTIVATION, "int8")),
    "AddOptions": _table((0, _ACTIVATION, "int8")),
    "SubOptions": _table((0, _ACTIVATION, "int8")),
    "MulOptions": _table((0, _ACTIVATION, "int8")),
    "ReshapeOptions": _table((0, "new_shape", "[int32]")),
    "ReducerOptions": _table((0, "keep_dims", "bool")),
    "LeakyReluOptions": _table((0, "alpha", "float32")),
    "StridedSliceOptions": _table(
        (0, "begin_mask", "int32"),
        (1, "end_mask", "int32"),
        (2, "ellipsis_mask", "int32"),
        (3, "new_axis_mask", "int32"),
        (4, "shrink_axis_mask", "int32"),
        (5, "offset", "bool"),
    ),
    "ResizeNearestNeighborOptions": _table((0, "align_corners", "bool"), (1, "half_pixel_centers", "bool")),
    "PackOptions": _table((0, "values_count", "int32"), (1, "axis", "int32")),
    "ShapeOptions": _table((0, "out_type", "int8")),
    "TransposeConvOptions": _table(
        (0, "padding", "int8"), (1, "stride_w", "int32"), (2, "stride_h", "int32"), (3, _ACTIVATION, "int8")
    ),
    "GatherOptions": _table((0, "axis", "int32"), (1, "batch_dims", "int32")),
}

# Value of the union BuiltinOptions -> its table. The others hold nothing that is read.
OPTIONS = {
    1: "Conv2DOptions",
    2: "DepthwiseConv2DOptions",
    5: "Pool2DOptions",
    8: "FullyConnectedOptions",
    9: "SoftmaxOptions",
    10: "ConcatenationOptions",
    11: "AddOptions",
    17: "ReshapeOptions",
    21: "MulOptions",
    23: "GatherOptions",
    27: "ReducerOptions",
    28: "SubOptions",
    32: "StridedSliceOptions",
    49: "TransposeConvOptions",
    55: "ShapeOptions",
    59: "PackOptions",
    74: "ResizeNearestNeighborOptions",
    75: "LeakyReluOptions",
}

# Builtin operator -> (name, the options it must carry or None).
OPERATORS: dict[int, tuple[str, str | None]] = {
    0: ("ADD", "AddOptions"),
    1: ("AVERAGE_POOL_2D", "Pool2DOptions"),
    2: ("CONCATENATION", "ConcatenationOptions"),
    3: ("CONV_2D", "Conv2DOptions"),
    4: ("DEPTHWISE_CONV_2D", "DepthwiseConv2DOptions"),
    6: ("DEQUANTIZE", None),
    9: ("FULLY_CONNECTED", "FullyConnectedOptions"),
    14: ("LOGISTIC", None),
    17: ("MAX_POOL_2D", "Pool2DOptions"),
    18: ("MUL", "MulOptions"),
    19: ("RELU", None),
    21: ("RELU6", None),
    22: ("RESHAPE", None),
    25: ("SOFTMAX", "SoftmaxOptions"),
    28: ("TANH", None),
    34: ("PAD", None),
    36: ("GATHER", "GatherOptions"),
    39: ("TRANSPOSE", None),
    40: ("MEAN", "ReducerOptions"),
    41: ("SUB", "SubOptions"),
    45: ("STRIDED_SLICE", "StridedSliceOptions"),
    60: ("PADV2", None),
    67: ("TRANSPOSE_CONV", "TransposeConvOptions"),
    77: ("SHAPE", "ShapeOptions"),
    83: ("PACK", "PackOptions"),
    97: ("RESIZE_NEAREST_NEIGHBOR", "ResizeNearestNeighborOptions"),
    98: ("LEAKY_RELU", "LeakyReluOptions"),
    114: ("QUANTIZE", None),
    117: ("HARD_SWISH", None),
}

DTYPES = {
    0: "float32",
    1: "float16",
    2: "int32",
    3: "uint8",
    4: "int64",
    5: "string",
    6: "bool",
    7: "int16",
    8: "complex64",
    9: "int8",
    10: "float64",
    11: "complex128",
    12: "uint64",
    13: "resource",
    14: "variant",
    15: "uint32",
    16: "uint16",
    17: "int4",
    18: "bfloat16",
    19: "int2",
    20: "uint4",
    21: "float8_e4m3fn",
    22: "float8_e5m2",
}
PADDING = ("SAME", "VALID")
ACTIVATIONS = ("NONE", "RELU", "RELU_N1_TO_1", "RELU6", "TANH", "SIGN_BIT")
