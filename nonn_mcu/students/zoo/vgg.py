"""VGG with batch normalisation for 32x32 images (Simonyan & Zisserman 2015), with a width multiplier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Channels of each conv3x3; 0 is a 2x2 max-pool. Tables A, B, D and E of the paper.
_PLANS = {
    11: (64, 0, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    13: (64, 64, 0, 128, 128, 0, 256, 256, 0, 512, 512, 0, 512, 512, 0),
    16: (64, 64, 0, 128, 128, 0, 256, 256, 256, 0, 512, 512, 512, 0, 512, 512, 512, 0),
    19: (64, 64, 0, 128, 128, 0, *(256,) * 4, 0, *(512,) * 4, 0, *(512,) * 4, 0),
}


class VGG(nn.Module):
    """VGG-``depth`` whose channels are the paper's times ``width``; one linear layer at the end."""

    def __init__(self, depth: int, width: float, classes: int, channels: int) -> None:
        super().__init__()
        self.input_shape = (channels, 32, 32)
        layers: list[nn.Module] = []
        inputs = channels
        for base in _PLANS[depth]:
            if not base:
                layers.append(nn.MaxPool2d(2))
                continue
            outputs = max(1, round(base * width))
            layers += [nn.Conv2d(inputs, outputs, 3, padding=1), nn.BatchNorm2d(outputs), nn.ReLU()]
            inputs = outputs
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Linear(inputs, classes)

    def maps(self, x: Tensor) -> Tensor:
        """(N, channels, 32, 32) to the last maps (N, C, 1, 1)."""
        out: Tensor = self.features(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, 32, 32) to logits (N, classes)."""
        logits: Tensor = self.classifier(torch.flatten(self.maps(x), 1))
        return logits


def build(depth: str, width: str | None, *, classes: int = 10, channels: int = 3) -> VGG:
    """Build VGG-depth with a width multiplier (1 when absent)."""
    return VGG(int(depth), float(width or 1), classes, channels)
