"""MobileNetV1 (Howard et al. 2017): depthwise separable convolutions and a width multiplier."""

from __future__ import annotations

import torch
from torch import Tensor, nn

# Output channels and stride of each depthwise separable block, at width 1 (table 1 of the paper).
_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *((512, 1),) * 5, (1024, 2), (1024, 1))


def _conv(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6()
    )


def _separable(inputs: int, outputs: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False),
        nn.BatchNorm2d(inputs),
        nn.ReLU6(),
        nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(),
    )


class MobileNetV1(nn.Module):
    """MobileNetV1 whose channels are the paper's times ``width``."""

    def __init__(self, width: float, classes: int, channels: int) -> None:
        super().__init__()
        self.input_shape = (channels, 96, 96)

        def scaled(base: int) -> int:
            return max(1, round(base * width))

        layers = [_conv(channels, scaled(32), 2)]
        inputs = scaled(32)
        for base, stride in _BLOCKS:
            layers.append(_separable(inputs, scaled(base), stride))
            inputs = scaled(base)
        self.model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1))
        self.fc = nn.Linear(inputs, classes)

    def maps(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the last maps (N, C, H', W')."""
        for layer in self.model[:-1]:  # what comes last is the pooling
            x = layer(x)
        return x

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        logits: Tensor = self.fc(torch.flatten(self.model(x), 1))
        return logits


def build(width: str | None, *, classes: int = 2, channels: int = 3) -> MobileNetV1:
    """Build MobileNetV1 with a width multiplier (1 when absent)."""
    return MobileNetV1(float(width or 1), classes, channels)
