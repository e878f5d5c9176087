"""Step: scale the channels so that every one uses the range of its activations.

An activation has one step for all channels: a channel that is four times smaller than the largest loses two
of its eight bits. Classic equalisation (M. Nagel et al., "Data-Free Quantization Through Weight Equalization
and Bias Correction", ICCV 2019) evens out pairs of layers; here all channels that an addition, a pooling or a
slice ties get one factor between them, so that it works along a whole residual stream.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from nonn_mcu.convert.ptq.channels import FIXED, tied_channels
from nonn_mcu.convert.ptq.net import Layer, Net
from nonn_mcu.convert.ptq.rounding import along
from nonn_mcu.convert.ptq.statistics import Activity

# No channel is blown up by more: the weights that read it shrink as much, and lose bits in their turn.
_LARGEST = 64.0


def factors(net: Net, activities: Mapping[int, Activity], strength: float = 1.0) -> dict[int, np.ndarray]:
    """Choose the divisor of every channel of every activation, ``(C,)`` by the activation's index.

    A set of channels is divided by its share of the range, at most 1: the largest that it has in any
    activation, to the power of ``strength``.
    """
    tied = tied_channels(net.graph, {index: layer.shared for index, layer in net.layers.items()})
    shares: dict[int, float] = {}
    for index, roots in tied.items():
        if index not in activities:
            continue
        reach = np.maximum(np.abs(activities[index].low), np.abs(activities[index].high))
        for root, share in zip(roots.tolist(), (reach / max(reach.max(), 1e-30)).tolist(), strict=True):
            shares[root] = max(shares.get(root, 0.0), share)
    chosen = {root: max(share**strength, 1 / _LARGEST) if share else 1.0 for root, share in shares.items()}
    chosen[FIXED] = 1.0
    return {
        index: np.array([chosen[root] for root in roots.tolist()])
        for index, roots in tied.items()
        if index in activities
    }


def scaled(net: Net, divisors: Mapping[int, np.ndarray]) -> Net:
    """Divide the channels of every activation; layers before and behind take it into their weights.

    The float function of the net stays; its int8 weights and ranges have to be chosen anew.
    """
    changed = {}
    for index, layer in net.layers.items():
        op = net.graph.ops[index]
        if not layer.shared:
            changed[index] = _absorbed(layer, op.kind, divisors[op.inputs[0]], divisors[op.outputs[0]])
    return net.with_layers(changed)


def _absorbed(layer: Layer, kind: str, source: np.ndarray, target: np.ndarray) -> Layer:
    weights = layer.weights / along(target, layer)
    if kind == "DEPTHWISE_CONV_2D":
        weights = weights * along(np.repeat(source, len(target) // len(source)), layer)
    else:
        weights = weights * np.tile(source, weights.shape[-1] // len(source))
    bias = None if layer.bias is None else (layer.bias / target).astype(np.float32)
    return replace(layer, weights=weights.astype(np.float32), bias=bias)
