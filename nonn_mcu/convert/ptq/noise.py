"""A model of the noise at the outputs, to first order, as a function of ranges and channels' factors.

Rounding an activation adds step^2 / 12 to each of its values, and saturation the square of what is cut off,
times what noise in that channel does at the outputs (:mod:`nonn_mcu.convert.ptq.sensitivity`). Rounding a
weight adds its own step^2 / 12 times the power of what it multiplies. Measured, the prediction is within a dB
on a ResNet-56.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch

from nonn_mcu.convert.ptq.channels import FIXED, tied_channels
from nonn_mcu.convert.ptq.net import Affine, Layer, Net
from nonn_mcu.convert.ptq.rounding import LIMIT
from nonn_mcu.convert.ptq.statistics import BINS, Activity
from nonn_mcu.convert.ptq.ties import MOVING, tied

# Every channel is taken to have been once, unseen, as far beyond its extremes.
_UNSEEN = 1.25

# The share of what rounding of weights adds that GPTQ and corrected biases leave.
_WEIGHTS = 0.4

_COARSER = 4  # bins of a histogram that count as one here


@dataclass(frozen=True, eq=False)
class Reader:
    """What rounding the weights of one layer adds.

    ``sets`` numbers the set of each input channel, ``felt`` is the sensitivity of each output channel,
    ``(O,)``, ``largest`` the largest weight between the two, ``(O, I)``, ``power`` that of each input channel
    over all the weights that it meets, ``(I,)``.
    """

    sets: torch.Tensor
    felt: torch.Tensor
    largest: torch.Tensor
    power: torch.Tensor


@dataclass(frozen=True, eq=False)
class Noise:
    """The model. Rows are the channels of all activations that are rounded.

    ``felt``, ``values``, ``shares``, ``sets`` and ``groups`` are by row: the sensitivity, a histogram, the
    numbers of the row's set of tied channels and of its group of activations with one range (-1: ``given``,
    the range that stays). ``channels`` gives for each activation the sets of its channels, ``members`` the
    activations of each group, ``extremes`` what those reach: ``(G, 2)``.
    """

    felt: torch.Tensor
    values: torch.Tensor
    shares: torch.Tensor
    sets: torch.Tensor
    groups: torch.Tensor
    given: torch.Tensor
    readers: tuple[Reader, ...]
    channels: Mapping[int, np.ndarray]
    members: tuple[tuple[int, ...], ...]
    extremes: np.ndarray
    scalable: np.ndarray

    def total(self, ranges: torch.Tensor, factors: torch.Tensor) -> torch.Tensor:
        """Predict the noise as a share of the outputs' power.

        ``ranges`` is ``(G, 2)``, of values divided by ``factors``, one for each set.
        """
        bounds = torch.where((self.groups < 0)[:, None], self.given, ranges[self.groups.clamp(min=0)])
        bounds = bounds * factors[self.sets][:, None]
        low, high = bounds[:, :1], bounds[:, 1:]
        beyond = torch.relu(self.values - high) + torch.relu(low - self.values)
        rounding = ((high - low)[:, 0] / 255).square() / 12
        total = (self.felt * (rounding + (self.shares * beyond.square()).sum(1))).sum()
        for one in self.readers:
            factor = factors[one.sets]
            steps = (one.largest * factor).amax(1) / LIMIT
            power = (one.power / factor.square()).sum()
            total = total + _WEIGHTS * (one.felt * steps.square() / 12).sum() * power
        return total


def model(net: Net, activities: Mapping[int, Activity], felt: Mapping[int, np.ndarray]) -> Noise:
    """Set the model up from activities and sensitivities, both by the index of the int8 activation."""
    graph = net.graph
    roots = tied_channels(graph, {index: layer.shared for index, layer in net.layers.items()})
    names, flat = np.unique(np.concatenate([[FIXED], *roots.values()]), return_inverse=True)
    ends = np.cumsum([1, *(len(one) for one in roots.values())])
    channels = {index: flat[a:b] for index, a, b in zip(roots, ends[:-1], ends[1:], strict=True)}
    members = tuple(tied(graph, net.layers))
    group_of = {index: number for number, group in enumerate(members) for index in group}
    rounded = [op.outputs[0] for op in graph.ops if op.kind not in MOVING]
    rounded = [index for index in rounded if index in felt and index in net.affine]
    counts = [len(channels[index]) for index in rounded]
    values, shares = zip(*(_histogram(activities[index]) for index in rounded), strict=True)
    return Noise(
        felt=_tensor(np.concatenate([felt[index] for index in rounded])),
        values=_tensor(np.concatenate(values)),
        shares=_tensor(np.concatenate(shares)),
        sets=torch.from_numpy(np.concatenate([channels[index] for index in rounded])),
        groups=torch.from_numpy(np.repeat([group_of.get(index, -1) for index in rounded], counts)),
        given=_tensor(np.repeat([_range(net.affine[index]) for index in rounded], counts, axis=0)),
        readers=tuple(
            _reader(net, layer, activities, felt, channels)
            for layer in net.layers.values()
            if _counts(net, layer, felt)
        ),
        channels=channels,
        members=members,
        extremes=np.array([_extremes(activities, group) for group in members]).reshape(-1, 2),
        scalable=names != FIXED,
    )


def _tensor(values: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32))


def _histogram(activity: Activity) -> tuple[np.ndarray, np.ndarray]:
    """Values of every channel, unseen ones among them, and the share of each; zero does not count."""
    channels = len(activity.low)
    counts = activity.counts.reshape(channels, -1, _COARSER).sum(axis=2).astype(float)
    centres = activity.centres.reshape(channels, -1, _COARSER).mean(axis=2)
    width = (activity.high - activity.low)[:, None] * (_COARSER / BINS)
    zero = (activity.low >= 0)[:, None] & (centres <= width)  # behind a RELU
    counts = np.concatenate([np.where(zero, 0, counts), np.ones((channels, 2))], axis=1)
    unseen = np.stack([activity.low, activity.high], axis=1) * _UNSEEN
    return np.concatenate([centres, unseen], axis=1), counts / counts.sum(axis=1, keepdims=True)


def _range(affine: Affine) -> tuple[float, float]:
    low, high = affine.real(np.array([-128, 127]))
    return float(low), float(high)


def _extremes(activities: Mapping[int, Activity], group: tuple[int, ...]) -> tuple[float, float]:
    low = min(float(activities[index].low.min()) for index in group)
    high = max(float(activities[index].high.max()) for index in group)
    return min(low, 0.0), max(high, 0.0)


def _counts(net: Net, layer: Layer, felt: Mapping[int, np.ndarray]) -> bool:
    """Leave out depthwise convolutions: every channel has steps of its own, which no factor changes."""
    op = net.graph.ops[layer.op]
    return op.kind != "DEPTHWISE_CONV_2D" and op.outputs[0] in felt


def _reader(
    net: Net,
    layer: Layer,
    activities: Mapping[int, Activity],
    felt: Mapping[int, np.ndarray],
    channels: Mapping[int, np.ndarray],
) -> Reader:
    op = net.graph.ops[layer.op]
    sets, activity = channels[op.inputs[0]], activities[op.inputs[0]]
    weights = np.abs(layer.weights).reshape(len(layer.weights), -1, len(sets))
    power = (activity.counts * activity.centres**2).sum(axis=1) / activity.counts.sum(axis=1)
    return Reader(
        sets=torch.from_numpy(sets),
        felt=_tensor(felt[op.outputs[0]]),
        largest=_tensor(weights.max(axis=1)),
        power=_tensor(power * weights.shape[1]),
    )
