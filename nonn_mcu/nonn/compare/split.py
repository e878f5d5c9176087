"""One net split over several devices layer by layer: what each holds and does, and what crosses the link.

The baseline that a network of neural networks is measured against (J. Mao et al., "MoDNN", DATE 2017; with a
compressed net it is the split-ATKD of arXiv 1907.11804): every device computes its share of the output
channels of every layer, and before a layer that needs all channels of a tensor the devices exchange their
shares of it.

Exact from the int8 graph, by the rules of :mod:`nonn_mcu.nonn.compare.distribution`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np

from nonn_mcu.codegen import lower as lower_graph
from nonn_mcu.codegen import ops
from nonn_mcu.codegen.constants import flash_bytes
from nonn_mcu.codegen.graph import Graph, Op, Tensor
from nonn_mcu.codegen.layer import WEIGHT_FIELDS, Layer, Table
from nonn_mcu.codegen.placement import Block, place
from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.compare.distribution import FILTERS, Distribution, Exchange, distribute


@dataclass(frozen=True)
class Share:
    """What one device holds and does.

    ``parameters`` counts weights and biases, ``macs`` those of one inference; ``weights``, ``tables`` and
    ``arena`` are bytes, with the plain kernels whatever the core; of constants, only filters and their biases
    are shared out. The arena is that of the generator's own planner, with no output over an input, for a
    device that holds a tensor whole where an operator needs it whole, and else its own channels of it.
    ``idle`` counts the layers with filters that have no channel for this device.
    """

    parameters: int
    macs: int
    weights: int
    tables: int
    arena: int
    idle: int


@dataclass(frozen=True)
class Split:
    """A net over ``len(devices)`` devices; the first has the largest share. ``exchanges`` are in order."""

    devices: tuple[Share, ...]
    exchanges: tuple[Exchange, ...]

    def bytes(self, *, broadcast: bool) -> int:
        """Bytes over the link per inference.

        With ``broadcast`` a share is sent once and heard by all, else once to each device that needs it.
        """
        others = 1 if broadcast else len(self.devices) - 1
        return sum(sum(one.shares) * (1 if one.op is None else others) for one in self.exchanges)


def split(graph: Graph, devices: int) -> Split:
    """Split ``graph``, as :func:`nonn_mcu.codegen.load` gives it, over this many devices.

    Over one device nothing is exchanged. Raises :class:`BadInput` for less than one device and for what the
    native runtime does not have.
    """
    if devices < 1:
        raise BadInput(f"{devices} devices: a net runs on one at least")
    order, whole = lower_graph(graph)
    plan = distribute(graph, devices)
    return Split(
        tuple(_share(graph, plan, order, whole, number) for number in range(devices)),
        tuple(plan.exchanges.values()),
    )


def _share(
    graph: Graph, plan: Distribution, order: Sequence[int], whole: Sequence[Sequence[Layer]], device: int
) -> Share:
    by_index = {op.index: op for op in graph.ops}
    steps: list[Sequence[Layer]] = []  # a layer that the device has no part in is an empty one
    idle = 0
    for index, layers in zip(order, whole, strict=True):
        op = by_index[index]
        parts = plan.channels(op.outputs[0])
        if parts is not None and not parts[device]:
            steps.append(())
            idle += op.kind in FILTERS
        elif parts is not None and op.kind in FILTERS:
            steps.append(_lower_part(graph, op, sum(parts[:device]), parts[device]))
        else:
            steps.append(layers)
    calls = [call for layers in steps for call in layers]
    weights, tables = flash_bytes(calls, graph)
    return Share(
        parameters=sum(_parameters(call, graph) for call in calls),
        macs=sum(call.macs for call in calls),
        weights=weights,
        tables=tables,
        arena=_arena(_blocks(graph, plan, steps, whole, device)),
        idle=idle,
    )


def _lower_part(graph: Graph, op: Op, first: int, count: int) -> tuple[Layer, ...]:
    """Lower an operator with filters for a device that has ``count`` output channels from ``first`` on."""
    source, weights, output = (graph.tensors[index] for index in (*op.inputs[:2], op.outputs[0]))
    depthwise = op.kind == "DEPTHWISE_CONV_2D"
    changed = [_cut(weights, 3 if depthwise else 0, first, count), _cut(output, -1, first, count)]
    if depthwise:
        changed.append(_cut(source, -1, 0, count // int(op.options["depth_multiplier"])))
    elif op.kind == "CONV_2D":  # of the groups of channels, a filter sees one
        changed.append(_cut(source, -1, 0, weights.shape[-1]))
    if len(op.inputs) > 2 and op.inputs[2] >= 0:
        bias = graph.tensors[op.inputs[2]]
        changed.append(_cut(replace(bias, shape=(bias.size,)), 0, first, count))
    tensors = list(graph.tensors)
    for tensor in changed:
        tensors[tensor.index] = tensor
    return ops.lower(replace(graph, tensors=tuple(tensors)), op)


def _cut(tensor: Tensor, axis: int, first: int, count: int) -> Tensor:
    """Give the part of a tensor, its constant and its scales from ``first`` on along an axis."""
    axis %= len(tensor.shape)
    shape = (*tensor.shape[:axis], count, *tensor.shape[axis + 1 :])
    data, quant = tensor.data, tensor.quant
    if data is not None:
        data = np.take(data.reshape(tensor.shape), range(first, first + count), axis)
    if quant is not None and len(quant.scale) > 1:
        chosen = slice(first, first + count)
        quant = replace(quant, scale=quant.scale[chosen], zero_point=quant.zero_point[chosen])
    return replace(tensor, shape=shape, data=data, quant=quant)


def _parameters(call: Layer, graph: Graph) -> int:
    """Count what was learnt: weights, biases and constant operands."""
    tables = [value for key, value in call.params.items() if key in WEIGHT_FIELDS]
    learnt = sum(int(value.values.size) for value in tables if isinstance(value, Table))
    return learnt + sum(graph.tensors[i].size for i in call.inputs if graph.tensors[i].data is not None)


def _blocks(
    graph: Graph,
    plan: Distribution,
    steps: Sequence[Sequence[Layer]],
    whole: Sequence[Sequence[Layer]],
    device: int,
) -> Iterator[Block]:
    """Give what lies in a device's arena from when to when."""
    lives = dict.fromkeys(graph.inputs, (0, 0))
    for step, layers in enumerate(whole):
        for index in (i for call in layers for i in call.inputs if graph.tensors[i].data is None):
            root = plan.root.get(index, index)
            lives[root] = (lives[root][0], step)
        lives[layers[0].output] = (step, step)
        if scratch := max((call.scratch_bytes for call in steps[step]), default=0):
            yield Block(None, scratch, step, step)
    for index in graph.outputs:
        root = plan.root.get(index, index)
        lives[root] = (lives[root][0], len(whole) - 1)
    for index, (first, last) in sorted(lives.items()):
        if held := plan.held(index, device):
            yield Block(index, held, first, last)


def _arena(blocks: Iterator[Block]) -> int:
    return _place(tuple(blocks))


@cache
def _place(blocks: tuple[Block, ...]) -> int:
    """Return the size of the arena; most devices have the same blocks, and to place them takes time."""
    return place(blocks)[1]
