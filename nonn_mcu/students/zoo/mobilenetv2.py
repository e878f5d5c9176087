"""MobileNetV2 (Sandler et al. 2018): inverted residuals with linear bottlenecks and a width multiplier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Expansion, output channels, blocks and stride of each stage, at width 1 (table 2 of the paper).
_STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


def _divisible(value: float) -> int:
    """Round to a multiple of 8, never down by more than a tenth: as the authors' code does."""
    rounded = max(8, int(value + 4) // 8 * 8)
    return rounded if rounded >= 0.9 * value else rounded + 8


def _conv(inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class InvertedResidual(nn.Module):
    """1x1 expansion, 3x3 depthwise, 1x1 projection; plus the input where the shape stays."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.add = stride == 1 and inputs == outputs
        layers = [] if expansion == 1 else [_conv(inputs, hidden, 1)]
        self.conv = nn.Sequential(
            *layers,
            _conv(hidden, hidden, 3, stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW."""
        out: Tensor = self.conv(x)
        return x + out if self.add else out


class MobileNetV2(nn.Module):
    """MobileNetV2 whose channels are the paper's times ``width``, rounded to multiples of 8."""

    def __init__(self, width: float, classes: int, channels: int) -> None:
        super().__init__()
        self.input_shape = (channels, 96, 96)
        inputs = _divisible(32 * width)
        layers: list[nn.Module] = [_conv(channels, inputs, 3, 2)]
        for expansion, base, count, stride in _STAGES:
            outputs = _divisible(base * width)
            for i in range(count):
                layers.append(InvertedResidual(inputs, outputs, 1 if i else stride, expansion))
                inputs = outputs
        last = _divisible(1280 * max(1.0, width))
        self.features = nn.Sequential(*layers, _conv(inputs, last, 1))
        # index 0 is the place of the dropout, so that published state_dicts fit
        self.classifier = nn.Sequential(nn.Identity(), nn.Linear(last, classes))

    def maps(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the last maps (N, C, H', W')."""
        out: Tensor = self.features(x)
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        out = nn.functional.adaptive_avg_pool2d(self.maps(x), 1)
        logits: Tensor = self.classifier(torch.flatten(out, 1))
        return logits


def build(width: str | None, *, classes: int = 2, channels: int = 3) -> MobileNetV2:
    """Build MobileNetV2 with a width multiplier (1 when absent)."""
    return MobileNetV2(float(width or 1), classes, channels)
