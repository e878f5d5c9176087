"""Fully connected networks with ReLU between the layers."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn


class MLP(nn.Module):
    """Linear layers of the given sizes; the input is flattened, so any shape of the right size fits."""

    def __init__(self, sizes: list[int]) -> None:
        super().__init__()
        self.input_shape = (sizes[0],)
        layers: list[nn.Module] = []
        for inputs, outputs in pairwise(sizes):
            layers += [nn.Linear(inputs, outputs), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        """(N, ...) to (N, sizes[-1])."""
        out: Tensor = self.layers(torch.flatten(x, 1))
        return out


def build(sizes: str) -> MLP:
    """Build an MLP from its sizes, "inputs-hidden-...-outputs"."""
    return MLP([int(size) for size in sizes.split("-")])
