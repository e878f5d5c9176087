"""Write a net back into the converter's own files: an int8 ``.tflite`` and its float twin."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import numpy as np

from nonn_mcu.codegen.pack import pack, unpack
from nonn_mcu.convert.ptq.net import Affine, Layer, Net


def write(net: Net) -> bytes:
    """Give the int8 ``.tflite``: scales, zero points, weights and biases are the net's, the rest stock.

    A bias stands at the scale of input times weights, as the operators need it; one that several operators
    read is written once for each.
    """
    tree = unpack(net.stock)
    tensors = tree.subgraphs[0].tensors
    for index, affine in net.affine.items():
        _quantise(tensors[index], np.array([affine.scale]), np.array([affine.zero_point]))
    for layer in net.layers.values():
        op = tree.subgraphs[0].operators[layer.op]
        if not layer.shared:
            weights = tensors[op.inputs[1]]
            _quantise(weights, layer.scales, np.zeros(len(layer.scales)))
            _fill(tree, weights, layer.rounded)
        if layer.bias is not None:
            _write_bias(tree, op, layer, net.affine[int(op.inputs[0])])
    return pack(tree)


def write_twin(net: Net) -> bytes:
    """Give the float ``.tflite`` with the net's weights and biases: what :func:`write` approximates."""
    tree = unpack(net.exact)
    for layer in net.layers.values():
        op = tree.subgraphs[0].operators[net.pair.ops[layer.op]]
        if layer.shared:
            continue
        _fill(tree, tree.subgraphs[0].tensors[op.inputs[1]], layer.weights)
        if layer.bias is not None:
            bias = _own(tree, op, 2)
            _fill(tree, bias, layer.bias)
    return pack(tree)


def integer_bias(layer: Layer, source: Affine) -> tuple[np.ndarray, np.ndarray]:
    """Round the bias of a layer that has one: its int32 values and their scales, float32."""
    assert layer.bias is not None
    scales = np.float32(source.scale) * layer.scales
    exact = (layer.bias + layer.correction) / scales.astype(np.float64)
    limits = np.iinfo(np.int32)
    return np.clip(np.rint(exact), limits.min, limits.max).astype(np.int32), scales


def _write_bias(tree: Any, op: Any, layer: Layer, source: Affine) -> None:
    values, scales = integer_bias(layer, source)
    tensor = _own(tree, op, 2)
    _quantise(tensor, scales, np.zeros(len(scales)))
    _fill(tree, tensor, values)


def _own(tree: Any, op: Any, slot: int) -> Any:
    """Give the tensor at an operator's input; where others read it too, a copy for this one alone."""
    graph = tree.subgraphs[0]
    index = int(op.inputs[slot])
    readers = sum(int(np.count_nonzero(np.asarray(other.inputs) == index)) for other in graph.operators)
    if readers > 1:
        graph.tensors.append(deepcopy(graph.tensors[index]))
        op.inputs = np.array(op.inputs, np.int32)
        op.inputs[slot] = len(graph.tensors) - 1
    return graph.tensors[op.inputs[slot]]


def _fill(tree: Any, tensor: Any, values: np.ndarray) -> None:
    """Give a constant new values, in a buffer of its own: the converter stores equal constants once."""
    from ai_edge_litert import schema_py_generated as schema

    users = sum(other.buffer == tensor.buffer for other in tree.subgraphs[0].tensors)
    if users > 1:
        tree.buffers.append(schema.BufferT())
        tensor.buffer = len(tree.buffers) - 1
    tree.buffers[tensor.buffer].data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)


def _quantise(tensor: Any, scales: np.ndarray, zero_points: np.ndarray) -> None:
    tensor.quantization.scale = scales.astype(np.float32)
    tensor.quantization.zeroPoint = zero_points.astype(np.int64)
    tensor.quantization.min = tensor.quantization.max = None
