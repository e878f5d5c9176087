"""The float twin as a function of torch's, which can be differentiated."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from nonn_mcu.codegen.geometry import output_size, pad_before
from nonn_mcu.codegen.graph import Graph, Op
from nonn_mcu.convert.ptq.moves import MOVES, constant

Values = Mapping[int, torch.Tensor]
Function = Callable[[Graph, Op, Values], torch.Tensor]


def run(graph: Graph, x: torch.Tensor) -> dict[int, torch.Tensor] | None:
    """Give every activation, by index, for samples ``x``, ``(N, *shape[1:])``, and so are they.

    None where an operator is not known here.
    """
    values = {graph.inputs[0]: x}
    for op in graph.ops:
        function = _FUNCTIONS.get(op.kind, _move if op.kind in MOVES else None)
        activation = _ACTIVATIONS.get(op.options.get("fused_activation", "NONE"))
        shape = graph.tensors[op.outputs[0]].shape
        if function is None or activation is None or len(op.outputs) != 1 or shape[0] != 1:
            return None
        values[op.outputs[0]] = activation(function(graph, op, values)).reshape(len(x), *shape[1:])
    return values


def _operand(graph: Graph, op: Op, slot: int, values: Values) -> torch.Tensor | None:
    index = op.inputs[slot] if slot < len(op.inputs) else -1
    if index < 0:
        return None
    return values[index] if index in values else torch.from_numpy(constant(graph, op, slot).copy())


def _move(graph: Graph, op: Op, values: Values) -> torch.Tensor:
    """Gather from all inputs end to end; one value behind them stands for padding."""
    sources = [values[index].flatten(1) for index in op.inputs if index in values]
    shapes = [graph.tensors[index].shape for index in op.inputs if index in values]
    ends = np.cumsum([source.shape[1] for source in sources])
    numbers = [np.arange(e - prod(s), e).reshape(s) for e, s in zip(ends, shapes, strict=True)]
    order = torch.from_numpy(np.ascontiguousarray(MOVES[op.kind](graph, op, numbers)).reshape(-1))
    padding = float(constant(graph, op, 2)) if op.kind == "PADV2" else 0.0
    return torch.cat([*sources, torch.full((len(sources[0]), 1), padding)], 1)[:, order]


def _convolution(graph: Graph, op: Op, values: Values) -> torch.Tensor:
    x, weights = values[op.inputs[0]].permute(0, 3, 1, 2), _operand(graph, op, 1, values)
    assert weights is not None
    depthwise = op.kind == "DEPTHWISE_CONV_2D"
    dilations = (op.options["dilation_h"], op.options["dilation_w"])
    padded = _framed(op, x, tuple(weights.shape[1:3]), dilations, 0.0)
    filters = weights.permute(3, 0, 1, 2) if depthwise else weights.permute(0, 3, 1, 2)
    groups = x.shape[1] if depthwise else 1
    bias = _operand(graph, op, 2, values)
    return F.conv2d(padded, filters, bias, _strides(op), 0, dilations, groups).permute(0, 2, 3, 1)


def _dense(graph: Graph, op: Op, values: Values) -> torch.Tensor:
    weights, bias = _operand(graph, op, 1, values), _operand(graph, op, 2, values)
    assert weights is not None
    return F.linear(values[op.inputs[0]].reshape(-1, weights.shape[1]), weights, bias)


def _max_pool(graph: Graph, op: Op, values: Values) -> torch.Tensor:
    size = (op.options["filter_h"], op.options["filter_w"])
    x = _framed(op, values[op.inputs[0]].permute(0, 3, 1, 2), size, (1, 1), -torch.inf)
    return F.max_pool2d(x, size, _strides(op)).permute(0, 2, 3, 1)


def _average_pool(graph: Graph, op: Op, values: Values) -> torch.Tensor:
    size = (op.options["filter_h"], op.options["filter_w"])
    x = values[op.inputs[0]].permute(0, 3, 1, 2)
    sums, counts = (
        F.avg_pool2d(_framed(op, one, size, (1, 1), 0.0), size, _strides(op))
        for one in (x, torch.ones_like(x))
    )
    return (sums / counts).permute(0, 2, 3, 1)


def _strides(op: Op) -> tuple[int, int]:
    return op.options["stride_h"], op.options["stride_w"]


def _framed(
    op: Op, x: torch.Tensor, window: tuple[int, ...], dilations: tuple[int, int], fill: float
) -> torch.Tensor:
    """Put a frame around ``(1, C, H, W)`` where the operator's padding is SAME."""
    if op.options["padding"] != "SAME":
        return x
    pads: list[int] = []
    for axis in (1, 0):  # torch counts from the last
        size, stride = x.shape[2 + axis], _strides(op)[axis]
        out = output_size("SAME", size, window[axis], stride, dilations[axis])
        before = pad_before(size, window[axis], stride, dilations[axis], out)
        needed = (out - 1) * stride + (window[axis] - 1) * dilations[axis] + 1 - size
        pads += [before, max(needed, 0) - before]
    return F.pad(x, pads, value=fill)


def _mean(graph: Graph, op: Op, values: Values) -> torch.Tensor:
    return values[op.inputs[0]].mean(tuple(constant(graph, op, 1).reshape(-1).tolist()))


def _pair(function: Callable[[Any, Any], torch.Tensor]) -> Function:
    return lambda graph, op, values: function(*(_operand(graph, op, slot, values) for slot in (0, 1)))


def _single(function: Callable[[torch.Tensor], torch.Tensor]) -> Function:
    return lambda graph, op, values: function(values[op.inputs[0]])


_ACTIVATIONS: Mapping[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "NONE": lambda y: y,
    "RELU": torch.relu,
    "RELU6": F.relu6,
}

_FUNCTIONS: Mapping[str, Function] = {
    "ADD": _pair(torch.add),
    "AVERAGE_POOL_2D": _average_pool,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _convolution,
    "FULLY_CONNECTED": _dense,
    "HARD_SWISH": _single(F.hardswish),
    "LEAKY_RELU": lambda graph, op, values: F.leaky_relu(values[op.inputs[0]], op.options["alpha"]),
    "LOGISTIC": _single(torch.sigmoid),
    "MAX_POOL_2D": _max_pool,
    "MEAN": _mean,
    "MUL": _pair(torch.mul),
    "RELU": _single(torch.relu),
    "RELU6": _single(F.relu6),
    "SOFTMAX": _single(lambda x: torch.softmax(x, -1)),
    "SUB": _pair(torch.sub),
    "TANH": _single(torch.tanh),
}
