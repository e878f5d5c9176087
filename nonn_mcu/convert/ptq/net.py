"""A quantised network as a value: float weights, and how every activation is rounded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

import numpy as np

from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.ptq.pair import Pair, pair

WEIGHTED = ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED")


@dataclass(frozen=True)
class Affine:
    """How one activation is rounded: real = scale * (q - zero_point), q int8."""

    scale: float
    zero_point: int

    def quantised(self, x: np.ndarray) -> np.ndarray:
        """Round float32 values to int8, halves to even, saturated."""
        steps = np.rint(x / np.float32(self.scale)) + self.zero_point
        return np.clip(steps, -128, 127).astype(np.int8)

    def real(self, steps: np.ndarray) -> np.ndarray:
        """Give the values, float64, that int8 ``steps`` stand for."""
        return self.scale * (steps.astype(np.float64) - self.zero_point)


@dataclass(frozen=True, eq=False)
class Layer:
    """A convolution or a fully connected layer with constant weights.

    ``op`` is its index in the int8 graph. ``weights`` are float32 as the operator holds them, output channels
    along ``axis``; ``bias`` is float32 ``(O,)`` or None where the operator has none. ``scales`` are the
    weights' quantisation steps, float32, ``(O,)`` or ``(1,)``; ``rounded`` their int8 values.
    ``correction``, float64 ``(O,)``, is added to the bias on the device alone. A layer whose weights other
    operators read too is ``shared``: its weights stay.
    """

    op: int
    weights: np.ndarray
    bias: np.ndarray | None
    axis: int
    scales: np.ndarray
    rounded: np.ndarray
    correction: np.ndarray
    shared: bool


@dataclass(frozen=True, eq=False)
class Net:
    """The two models of a pair, and what is to be changed in them.

    ``stock`` and ``exact`` are the converter's int8 and float ``.tflite``; ``layers`` by the index of their
    operator; ``affine`` by the index of each int8 activation.
    """

    stock: bytes
    exact: bytes
    pair: Pair
    layers: Mapping[int, Layer]
    affine: Mapping[int, Affine]

    @property
    def graph(self) -> Graph:
        """The int8 graph; scales and constants are those of the stock model."""
        return self.pair.quantised

    def with_layers(self, layers: Mapping[int, Layer]) -> Net:
        """Exchange the layers given, by operator."""
        return replace(self, layers=MappingProxyType({**self.layers, **layers}))

    def with_affine(self, affine: Mapping[int, Affine]) -> Net:
        """Exchange how the activations given are rounded."""
        return replace(self, affine=MappingProxyType({**self.affine, **affine}))


def load(stock: bytes, exact: bytes) -> Net | None:
    """Read the converter's two models; None where their operators do not pair."""
    paired = pair(read(stock), read(exact))
    if paired is None or len(paired.quantised.inputs) != 1:
        return None
    graph = paired.quantised
    readers = Counter(op.inputs[1] for op in graph.ops if len(op.inputs) > 1 and op.kind in WEIGHTED)
    layers = {
        op.index: _layer(paired, op, readers[op.inputs[1]] > 1) for op in graph.ops if _is_layer(graph, op)
    }
    affine = {
        index: Affine(graph.tensors[index].scale, graph.tensors[index].zero_point)
        for index in paired.twin
        if graph.tensors[index].dtype == "int8"
    }
    return Net(stock, exact, paired, MappingProxyType(layers), MappingProxyType(affine))


def _is_layer(graph: Graph, op: Op) -> bool:
    if op.kind not in WEIGHTED:
        return False
    source, weights = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[1]]
    kinds = (source.dtype, weights.dtype, graph.tensors[op.outputs[0]].dtype)
    bias = graph.tensors[op.inputs[2]] if len(op.inputs) > 2 and op.inputs[2] >= 0 else None
    return (
        kinds == ("int8", "int8", "int8")
        and source.data is None
        and weights.data is not None
        and weights.quant is not None
        and not any(weights.quant.zero_point)
        and (bias is None or (bias.data is not None and bias.dtype == "int32"))
    )


def _layer(paired: Pair, op: Op, shared: bool) -> Layer:
    stock = paired.quantised.tensors[op.inputs[1]]
    exact = paired.exact.ops[paired.ops[op.index]]
    weights = _values(paired.exact.tensors[exact.inputs[1]])
    has_bias = len(exact.inputs) > 2 and exact.inputs[2] >= 0
    axis = 3 if op.kind == "DEPTHWISE_CONV_2D" else 0
    assert stock.quant is not None and stock.data is not None
    return Layer(
        op=op.index,
        weights=weights,
        bias=_values(paired.exact.tensors[exact.inputs[2]]) if has_bias else None,
        axis=axis,
        scales=np.array(stock.quant.scale, np.float32),
        rounded=stock.data,
        correction=np.zeros(weights.shape[axis]),
        shared=shared,
    )


def _values(tensor: Tensor) -> np.ndarray:
    assert tensor.data is not None
    return tensor.data.astype(np.float32)
