"""Who has which channels of each tensor when a net is split layer by layer, and what is exchanged for it.

The rules:

- The network's input is on every device.
- CONV_2D and FULLY_CONNECTED need the whole of their input and give each of N devices a share of the C output
  channels: C // N, and one more for the first C % N devices.
- Operators that work channel by channel (DEPTHWISE_CONV_2D, ADD, pools, PAD, ...) give a device the channels
  that it has; nothing crosses the link for a residual ADD.
- All others (SOFTMAX, a CONCATENATION of channels, ...) need the whole of their inputs, and every device runs
  them, as it does a channel-wise operator whose inputs are all whole.
- A tensor that some operator needs whole is exchanged once, as soon as it is there, and whole from then on;
  what a PAD made larger is exchanged before the PAD.
- The outputs are put together at one reader.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from nonn_mcu.codegen.graph import Graph, Op

FILTERS = frozenset({"CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"})

# Channels of a tensor by device, one range after the other; None: the whole of it is on every device.
Channels = tuple[int, ...] | None


@dataclass(frozen=True)
class Exchange:
    """A tensor that the devices put together, ``shares`` its bytes by device.

    Every device gets it before operator ``op`` (an index in the file) runs; None: an output, for one reader.
    """

    tensor: int
    op: int | None
    shares: tuple[int, ...]


def divide(channels: int, devices: int) -> tuple[int, ...]:
    """Give every device channels // devices of them, and one more to the first channels % devices."""
    least, more = divmod(channels, devices)
    return tuple(least + (number < more) for number in range(devices))


def distribute(graph: Graph, devices: int) -> Distribution:
    """Walk twice: what the first walk found to be needed whole is so for all its readers in the second."""
    first = Distribution(graph, devices, {})
    needed: dict[int, int] = {}
    for index, exchange in first.exchanges.items():
        if exchange.op is not None:
            needed.setdefault(first.smallest(index), exchange.op)
    return Distribution(graph, devices, needed)


class Distribution:
    """Who has which channels of each computed tensor, found by walking through the operators once.

    ``needed`` maps tensors that must be whole to the first operator that needs them so. Tensors that share
    their bytes (a RESHAPE's) are one, under the index of the first: ``root``.
    """

    def __init__(self, graph: Graph, devices: int, needed: Mapping[int, int]) -> None:
        self.graph = graph
        self.devices = devices
        self.root: dict[int, int] = {}
        self.made: dict[int, Channels] = dict.fromkeys(graph.inputs)
        self.exchanges: dict[int, Exchange] = {}
        self._source: dict[int, int] = {}  # of what was made channel by channel from one tensor
        for op in graph.ops:
            self._walk(op)
            for index in needed.keys() & op.outputs:
                self._gather(index, needed[index])
        for index in graph.outputs:
            self._gather(index, None)

    def channels(self, index: int) -> Channels:
        """Say which channels of a tensor each device computes."""
        return self.made.get(self.root.get(index, index))

    def held(self, index: int, device: int) -> int:
        """Count the bytes of a tensor that a device needs room for."""
        root, size = self.root.get(index, index), self.graph.tensors[index].size
        parts, exchange = self.made[root], self.exchanges.get(root)
        if parts is None or (exchange is not None and exchange.op is not None):
            return size
        return size // sum(parts) * parts[device]

    def smallest(self, index: int) -> int:
        """Go back from a tensor to the smaller one that it was made of without filters, if there is one."""
        size = self.graph.tensors[index].size
        while index in self._source and self.graph.tensors[self._source[index]].size < size:
            index = self._source[index]
            size = self.graph.tensors[index].size
        return index

    def _walk(self, op: Op) -> None:
        (output,), source = op.outputs, op.inputs[0]
        if op.kind == "RESHAPE":
            if _extent(self.graph, source) != _extent(self.graph, output):
                self._gather(source, op.index)
            self.root[output] = self.root.get(source, source)
        elif op.kind == "DEPTHWISE_CONV_2D":
            own = self._available(source) or divide(_extent(self.graph, source), self.devices)
            self.made[output] = tuple(int(op.options["depth_multiplier"]) * count for count in own)
        elif op.kind in FILTERS:
            self._gather(source, op.index)
            self.made[output] = divide(_extent(self.graph, output), self.devices)
        else:
            sources = [index for index in op.inputs if self.root.get(index, index) in self.made]
            self.made[output] = self._without_filters(op, sources)

    def _without_filters(self, op: Op, sources: Sequence[int]) -> Channels:
        """Gather what does not lie as the output will, and say how that lies."""
        by_channel = op.kind in _BY_CHANNEL and _BY_CHANNEL[op.kind](self.graph, op)
        extent = _extent(self.graph, op.outputs[0])
        parts = next((p for p in map(self._available, sources) if p is not None and sum(p) == extent), None)
        wanted = parts if by_channel else None
        if wanted is not None and len(sources) == 1:
            self._source[op.outputs[0]] = self.root.get(sources[0], sources[0])
        for index in sources:
            if self._available(index) not in (None, wanted):
                self._gather(index, op.index)
        return wanted

    def _available(self, index: int) -> Channels:
        """Channels by device at this point of the walk, None for what is whole by now."""
        root = self.root.get(index, index)
        return None if root in self.exchanges else self.made.get(root)

    def _gather(self, index: int, op: int | None) -> None:
        root = self.root.get(index, index)
        parts = self._available(root)
        if parts is None:
            return
        if self.devices == 1:
            self.made[root] = None
            return
        each = self.graph.tensors[root].size // sum(parts)
        self.exchanges[root] = Exchange(root, op, tuple(each * count for count in parts))


def _extent(graph: Graph, index: int) -> int:
    """Count a tensor's channels: its last axis, which a scalar does not have."""
    return graph.tensors[index].shape[-1] if graph.tensors[index].shape else 1


def _always(graph: Graph, op: Op) -> bool:
    return True


def _keeps_channels(graph: Graph, op: Op) -> bool:
    """Say whether an operator of one constant leaves the last axis as it is."""
    source, constant = (graph.tensors[index] for index in op.inputs[:2])
    rank = len(source.shape)
    values = np.asarray(constant.data).reshape(-1)
    if op.kind == "MEAN":
        return all(int(axis) % rank != rank - 1 for axis in values)
    if op.kind == "TRANSPOSE":
        return int(values[-1]) == rank - 1
    return not values[-2:].any()  # PAD


def _slices_no_channels(graph: Graph, op: Op) -> bool:
    """Say whether a STRIDED_SLICE takes all of the last axis, in its order."""
    source, strides = graph.tensors[op.inputs[0]], graph.tensors[op.inputs[3]]
    kept = not int(op.options["shrink_axis_mask"]) >> (len(source.shape) - 1) & 1
    forward = int(np.asarray(strides.data).reshape(-1)[-1]) == 1
    return kept and forward and source.shape[-1] == _extent(graph, op.outputs[0])


def _other_axis(graph: Graph, op: Op) -> bool:
    """Say whether a CONCATENATION is of another axis than the last."""
    rank = len(graph.tensors[op.outputs[0]].shape)
    return int(op.options["axis"]) % rank != rank - 1


# What works channel by channel, the last axis being the channels, and whether this very operator does.
_BY_CHANNEL: dict[str, Callable[[Graph, Op], bool]] = {
    **dict.fromkeys(("ADD", "SUB", "MUL"), _always),
    **dict.fromkeys(("RELU", "RELU6", "LEAKY_RELU", "HARD_SWISH", "LOGISTIC", "TANH", "QUANTIZE"), _always),
    **dict.fromkeys(("AVERAGE_POOL_2D", "MAX_POOL_2D", "RESIZE_NEAREST_NEIGHBOR"), _always),
    **dict.fromkeys(("MEAN", "TRANSPOSE", "PAD", "PADV2"), _keeps_channels),
    "STRIDED_SLICE": _slices_no_channels,
    "CONCATENATION": _other_axis,
}
