"""Step: choose all ranges and all channels' factors at once, for the least noise at the outputs.

A smaller factor makes a channel finer, but it fills the range of everything that the channel is tied to, and
makes the weights that read it uneven; a narrower range rounds finer and cuts off more. The sum of all that
(:mod:`nonn_mcu.convert.ptq.noise`) has a minimum, which gradient descent finds.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch

from nonn_mcu.convert.ptq.equalise import scaled
from nonn_mcu.convert.ptq.net import Affine, Net
from nonn_mcu.convert.ptq.noise import Noise, model
from nonn_mcu.convert.ptq.ranges import affine_of
from nonn_mcu.convert.ptq.rounding import nearest
from nonn_mcu.convert.ptq.statistics import Activity

_STEPS, _RATE = 150, 0.03


def with_balance(net: Net, activities: Mapping[int, Activity], felt: Mapping[int, np.ndarray]) -> Net:
    """Scale the channels and set the ranges; the float function stays.

    ``activities`` and ``felt``, the sensitivities, are those of the net's activations, by their indices.
    """
    noise = model(net, activities, felt)
    ranges, factors = _descend(noise)
    divisors = {index: factors[sets] for index, sets in noise.channels.items()}
    affine: dict[int, Affine] = {}
    for group, (low, high) in zip(noise.members, ranges, strict=True):
        chosen = affine_of(float(low), float(high))
        if chosen is not None:
            affine |= dict.fromkeys(group, chosen)
    return nearest(scaled(net, divisors).with_affine(affine))


def _descend(noise: Noise) -> tuple[np.ndarray, np.ndarray]:
    """Find the ranges ``(G, 2)`` and the factor of every set, float64, that make the least noise."""
    signs = torch.from_numpy(np.sign(noise.extremes).astype(np.float32))
    logs = np.log(np.maximum(np.abs(noise.extremes), 1e-30)).astype(np.float32)
    reach = torch.from_numpy(logs).requires_grad_()
    sizes = torch.zeros(len(noise.scalable), requires_grad=True)
    scalable = torch.from_numpy(noise.scalable.astype(np.float32))
    optimiser = torch.optim.Adam([reach, sizes], lr=_RATE)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.05, _STEPS)
    for _ in range(_STEPS):
        optimiser.zero_grad()
        torch.log(noise.total(signs * reach.exp(), (sizes * scalable).exp())).backward()
        optimiser.step()
        schedule.step()
    with torch.no_grad():
        ranges, factors = signs * reach.exp(), (sizes * scalable).exp()
    return ranges.numpy().astype(np.float64), factors.numpy().astype(np.float64)
