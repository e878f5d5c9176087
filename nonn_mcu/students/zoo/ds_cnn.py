"""DS-CNN (Zhang et al. 2017, "Hello Edge"): a small network of depthwise separable convolutions.

The defaults are the keyword spotter of MLPerf Tiny: 49x10 MFCCs, 12 words, a 10x4 first kernel.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class SeparableBlock(nn.Module):
    """3x3 depthwise and 1x1 convolution, each with BN and ReLU; ``residual`` adds the input."""

    def __init__(self, width: int, residual: bool) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(width, width, 3, padding=1, groups=width, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.pointwise = nn.Conv2d(width, width, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW of the same shape."""
        out = torch.relu(self.bn1(self.depthwise(x)))
        out = torch.relu(self.bn2(self.pointwise(out)))
        return x + out if self.residual else out


class DSCNN(nn.Module):
    """A convolution, ``blocks`` separable blocks of ``width`` channels, a global mean, a linear layer."""

    def __init__(
        self,
        *,
        width: int,
        classes: int,
        channels: int,
        blocks: int,
        kernel: tuple[int, int],
        stride: int,
        residual: bool,
        size: tuple[int, int],
    ) -> None:
        super().__init__()
        self.input_shape = (channels, *size)
        # for 49x10, kernel 10x4 and stride 2 this gives the 25x5 of TensorFlow's SAME
        padding = (kernel[0] // 2, (kernel[1] - 1) // 2)
        self.conv = nn.Conv2d(channels, width, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(width)
        self.blocks = nn.Sequential(*(SeparableBlock(width, residual) for _ in range(blocks)))
        self.fc = nn.Linear(width, classes)

    def maps(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the last maps (N, C, H', W')."""
        out: Tensor = self.blocks(torch.relu(self.bn(self.conv(x))))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        logits: Tensor = self.fc(torch.flatten(nn.functional.adaptive_avg_pool2d(self.maps(x), 1), 1))
        return logits


def build(
    width: str | None,
    *,
    classes: int = 12,
    channels: int = 1,
    blocks: int = 4,
    kernel_h: int = 10,
    kernel_w: int = 4,
    stride: int = 2,
    residual: int = 0,
    height: int = 49,
    columns: int = 10,
) -> DSCNN:
    """Build a DS-CNN of that width (64 when absent); ``height`` x ``columns`` is its usual input."""
    return DSCNN(
        width=int(width or 64),
        classes=classes,
        channels=channels,
        blocks=blocks,
        kernel=(kernel_h, kernel_w),
        stride=stride,
        residual=bool(residual),
        size=(height, columns),
    )
