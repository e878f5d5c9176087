"""Bytes of a ``.tflite`` -> Graph. The file is hostile: every value is checked before it is believed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np

from nonn_mcu.codegen import flatbuffer, schema
from nonn_mcu.codegen.graph import Graph, Op, Quantization, Tensor
from nonn_mcu.codegen.names import printable
from nonn_mcu.errors import BadInput

MAX_RANK = 6
MAX_DIM = 65_535  # what the device can report
MAX_ELEMENTS = 1 << 26
MAX_OPERATORS = 2048  # keeps the time for planning, which grows with the square, within seconds

_DECODED = ("float32", "int8", "uint8", "int16", "int32", "int64", "bool")


def read(model: bytes) -> Graph:
    """Decode a model with one subgraph. What the tensors must be is checked by :mod:`check`.

    Raises :class:`BadInput` for anything that is not a well-formed TensorFlow Lite model: wrong
    identifier or version, offsets outside the file, indices out of range, data that does not fit its
    tensor's shape.
    """
    if len(model) < 8 or model[4:8] != schema.FILE_IDENTIFIER:
        raise BadInput("not a TensorFlow Lite model (no TFL3 identifier); give a .tflite file")
    root = flatbuffer.decode(model, schema.TABLES, "Model", schema.OPTIONS)
    if root["version"] != schema.VERSION:
        raise BadInput(f"schema version {root['version']} is not 3; convert the model again")
    subgraphs = root["subgraphs"] or []
    if len(subgraphs) != 1:
        raise BadInput(
            f"the model has {len(subgraphs)} subgraphs; only one, without control flow, is supported"
        )
    graph = subgraphs[0]
    buffers = root["buffers"] or []
    count = len(graph["tensors"] or [])

    def indices(values: np.ndarray | None, what: str, low: int) -> tuple[int, ...]:
        found = tuple(int(v) for v in values) if values is not None else ()
        for index in found:
            if not low <= index < count:
                raise BadInput(f"{what} refers to tensor {index}; the model has {count}")
        return found

    if len(graph["operators"] or []) > MAX_OPERATORS:
        raise BadInput(
            f"the model has {len(graph['operators'])} operators; at most {MAX_OPERATORS} are supported"
        )
    ops = []
    for number, table in enumerate(graph["operators"] or []):
        kind, options = _operator(table, root["operator_codes"] or [], number)
        ins = indices(table["inputs"], f"operator {number} ({kind})", -1)
        outs = indices(table["outputs"], f"operator {number} ({kind})", 0)
        ops.append(Op(number, kind, ins, outs, MappingProxyType(options)))
    inputs = indices(graph["inputs"], "the list of inputs", 0)
    outputs = indices(graph["outputs"], "the list of outputs", 0)
    used = {*inputs, *outputs}.union(*({*op.inputs, *op.outputs} for op in ops))
    tensors = tuple(
        _tensor(i, table, buffers) if i in used else Tensor(i, "", (), "unused")
        for i, table in enumerate(graph["tensors"] or [])
    )
    return Graph(tensors, tuple(ops), inputs, outputs)


def _operator(table: Mapping[str, Any], codes: list[Any], number: int) -> tuple[str, dict[str, Any]]:
    if not table["opcode_index"] < len(codes):
        raise BadInput(f"operator {number} refers to operator code {table['opcode_index']} of {len(codes)}")
    code = codes[table["opcode_index"]]
    builtin = max(code["deprecated_builtin_code"], code["builtin_code"])
    if builtin not in schema.OPERATORS:
        return _foreign_kind(builtin, code["custom_code"]), {}
    kind, expected = schema.OPERATORS[builtin]
    given = schema.OPTIONS.get(table["builtin_options_type"])
    if expected is None:
        return kind, {}
    if given is None and table["builtin_options_type"] == 0:
        options: dict[str, Any] = {field.name: field.default for field in schema.TABLES[expected]}
    elif given == expected and table["builtin_options"] is not None:
        options = dict(table["builtin_options"])
    else:
        raise BadInput(f"operator {number} ({kind}) carries options of another operator")
    for key, values in (("padding", schema.PADDING), ("fused_activation", schema.ACTIVATIONS)):
        if key in options:
            value = int(options[key])
            if not 0 <= value < len(values):
                raise BadInput(f"operator {number} ({kind}): {key} {value} is unknown")
            options[key] = values[value]
    return kind, options


def _foreign_kind(builtin: int, custom: str | None) -> str:
    if builtin == 32:
        return f"CUSTOM {printable(custom or '', 40)}"
    try:
        from tflite.BuiltinOperator import BuiltinOperator
    except ImportError:
        return f"builtin operator {builtin}"
    names = {value: key for key, value in vars(BuiltinOperator).items() if isinstance(value, int)}
    return names.get(builtin, f"builtin operator {builtin}")


def _tensor(index: int, table: Mapping[str, Any], buffers: list[Any]) -> Tensor:
    name = table["name"] or ""
    where = f'tensor {index} "{printable(name)}"'
    dtype = schema.DTYPES.get(table["type"])
    if dtype is None:
        raise BadInput(f"{where}: element type {table['type']} is unknown")
    shape = tuple(int(d) for d in table["shape"]) if table["shape"] is not None else ()
    signature = table["shape_signature"]
    if len(shape) > MAX_RANK:
        raise BadInput(f"{where}: rank {len(shape)}; at most {MAX_RANK} is supported")
    dynamic = [i for i, d in enumerate(signature) if d < 0] if signature is not None else []
    # A leading -1 beside a shape of 1 is an unspecified batch, which runs as batch 1.
    if any(axis > 0 or len(shape) == 0 or shape[0] != 1 for axis in dynamic) or any(d < 0 for d in shape):
        raise BadInput(f"{where}: a dimension is dynamic; export the model with fixed shapes and batch 1")
    if any(d == 0 or d > MAX_DIM for d in shape) or np.prod(shape, dtype=object) > MAX_ELEMENTS:
        raise BadInput(f"{where}: shape {list(shape)} has a dimension of 0 or is too large")
    if table["is_variable"]:
        raise BadInput(f"{where}: variable tensors are not supported; export a model without state")
    if table["sparsity"] is not None or table["external_buffer"]:
        raise BadInput(f"{where}: sparse or external data is not supported; convert without them")
    if not table["buffer"] < max(len(buffers), 1):
        raise BadInput(f"{where}: refers to buffer {table['buffer']} of {len(buffers)}")
    empty: Mapping[str, Any] = {"data": None, "offset": 0, "size": 0}
    buffer = buffers[table["buffer"]] if buffers else empty
    if buffer["offset"] > 1 or buffer["size"] > 1:
        raise BadInput(f"{where}: its data lies outside the flatbuffer; convert without external buffers")
    raw = buffer["data"]
    data = None if raw is None or len(raw) == 0 else _constant(raw, shape, dtype, where)
    return Tensor(index, name, shape, dtype, _quantization(table["quantization"], shape, where), data)


def _constant(raw: np.ndarray, shape: tuple[int, ...], dtype: str, where: str) -> np.ndarray:
    if dtype not in _DECODED:
        return raw  # refused, by its dtype, wherever it is used
    kind = np.dtype(dtype).newbyteorder("<")
    expected = int(np.prod(shape, dtype=np.int64)) * kind.itemsize
    if len(raw) != expected:
        raise BadInput(f"{where}: holds {len(raw)} bytes of data, its shape and type need {expected}")
    values = np.frombuffer(raw.tobytes(), kind).reshape(shape)
    if dtype == "float32" and not np.isfinite(values).all():
        raise BadInput(f"{where}: holds NaN or infinite values; train or export the model again")
    return values.astype(np.dtype(dtype), copy=False)


def _quantization(table: Mapping[str, Any] | None, shape: tuple[int, ...], where: str) -> Quantization | None:
    # The reference takes a tensor for quantised only where both vectors are there.
    if table is None or any(table[key] is None or len(table[key]) == 0 for key in ("scale", "zero_point")):
        return None
    if table["details_type"]:
        raise BadInput(f"{where}: custom or blockwise quantisation is not supported; quantise to full int8")
    scale = tuple(float(s) for s in table["scale"])
    zero_point = tuple(int(z) for z in table["zero_point"])
    if len(zero_point) == 1:  # a space-saving form of weights
        zero_point *= len(scale)
    axis = table["quantized_dimension"]
    if len(zero_point) != len(scale):
        raise BadInput(f"{where}: {len(scale)} scales but {len(zero_point)} zero points")
    if len(scale) > 1 and not (0 <= axis < len(shape) and shape[axis] == len(scale)):
        raise BadInput(f"{where}: {len(scale)} scales do not fit axis {axis} of shape {list(shape)}")
    return Quantization(scale, zero_point, axis)
