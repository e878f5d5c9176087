"""The float network of neural networks: students that share nothing, and the linear head where they meet.

K. Bhardwaj, C. Lin, A. Sartor, R. Marculescu, "Memory- and Communication-Aware Model Compression for
Distributed Deep Learning Inference on IoT", 2019, arXiv 1907.11804.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn

from nonn_mcu.students.zoo.trunk import build_trunk


@dataclass(frozen=True)
class StudentSpec:
    """One student: a network of the zoo for its trunk, and the teacher's channels that it learns."""

    arch: str
    arch_args: Mapping[str, int] = field(default_factory=dict)
    group: tuple[int, ...] = ()


class FeatureNet(nn.Module):
    """One student: trunk, 1x1 convolution to the group's width, BN, ReLU, spatial mean.

    Its output are the features, (N, group), never negative. The paper resizes the maps to the teacher's
    size before the mean; the mean of a map hardly changes by that, so it is left out on the device.
    """

    def __init__(self, spec: StudentSpec, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.trunk, width = build_trunk(spec.arch, shape, **spec.arch_args)
        self.project = nn.Conv2d(width, len(spec.group), 1, bias=False)
        self.bn = nn.BatchNorm2d(len(spec.group))

    def both(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(N, *shape) to features (N, group) and the trunk's last maps (N, C, H, W)."""
        maps = self.trunk.maps(x)
        features = F.adaptive_avg_pool2d(F.relu(self.bn(self.project(maps))), 1)
        return torch.flatten(features, 1), maps

    def forward(self, x: Tensor) -> Tensor:
        """(N, *shape) to features (N, group)."""
        return self.both(x)[0]


class NoNN(nn.Module):
    """Students side by side; their features, in the order of the students, are the head's input."""

    def __init__(self, specs: Sequence[StudentSpec], shape: tuple[int, ...], classes: int) -> None:
        super().__init__()
        self.specs = tuple(specs)
        self.students = nn.ModuleList(FeatureNet(spec, shape) for spec in specs)
        self.head = nn.Linear(sum(len(spec.group) for spec in specs), classes)

    def both(self, x: Tensor) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """(N, *shape) to logits (N, classes), and each student's features and last maps."""
        features, maps = [], []
        for student in self.students:
            one, two = student.both(x)
            features.append(one)
            maps.append(two)
        return self.head(torch.cat(features, 1)), features, maps

    def forward(self, x: Tensor) -> Tensor:
        """(N, *shape) to logits (N, classes)."""
        return self.both(x)[0]
