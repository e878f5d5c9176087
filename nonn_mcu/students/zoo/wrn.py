"""Wide residual networks for 32x32 images (Zagoruyko & Komodakis 2016), pre-activation, WRN-depth-width."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """BN-ReLU-conv3x3 twice, plus the input; where the shape changes, a 1x1 conv of the activated input."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.bn1 = nn.BatchNorm2d(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False) if inputs != outputs else None

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW."""
        active = F.relu(self.bn1(x))
        out = self.conv2(F.relu(self.bn2(self.conv1(active))))
        return out + (x if self.convShortcut is None else self.convShortcut(active))


class NetworkBlock(nn.Module):
    """A stage: ``count`` blocks, the first with the stride."""

    def __init__(self, count: int, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            *(BasicBlock(outputs if i else inputs, outputs, 1 if i else stride) for i in range(count))
        )

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW."""
        out: Tensor = self.layer(x)
        return out


class WideResNet(nn.Module):
    """WRN-``depth``-``width``: depth 6n + 4, channels 16, 16w, 32w, 64w; w may be a fraction."""

    def __init__(self, depth: int, width: float, classes: int, channels: int) -> None:
        super().__init__()
        count, rest = divmod(depth - 4, 6)
        if rest or count < 1:
            raise ValueError(f"WRN depth {depth} must be 6n + 4: 10, 16, 22, 28, 34, 40")
        widths = [16, *(max(1, round(base * width)) for base in (16, 32, 64))]
        self.input_shape = (channels, 32, 32)
        self.conv1 = nn.Conv2d(channels, widths[0], 3, 1, 1, bias=False)
        self.block1 = NetworkBlock(count, widths[0], widths[1], 1)
        self.block2 = NetworkBlock(count, widths[1], widths[2], 2)
        self.block3 = NetworkBlock(count, widths[2], widths[3], 2)
        self.bn1 = nn.BatchNorm2d(widths[3])
        self.fc = nn.Linear(widths[3], classes)

    def maps(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the last maps (N, C, H', W')."""
        return F.relu(self.bn1(self.block3(self.block2(self.block1(self.conv1(x))))))

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        logits: Tensor = self.fc(torch.flatten(F.adaptive_avg_pool2d(self.maps(x), 1), 1))
        return logits


def build(depth: str, width: str, *, classes: int = 10, channels: int = 3) -> WideResNet:
    """Build WRN-depth-width."""
    return WideResNet(int(depth), float(width), classes, channels)
