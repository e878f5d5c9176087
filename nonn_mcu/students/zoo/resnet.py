"""ResNets for 32x32 images (He et al. 2016, section 4.2): depth 6n + 2, shortcuts without parameters."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """conv3x3-BN-ReLU-conv3x3-BN, plus the input, ReLU.

    Where the shape changes the shortcut is option A of the paper: every second pixel, and zeros for the
    channels that are missing, half of them in front and half behind.
    """

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.stride = stride
        self.missing = outputs - inputs

    def forward(self, x: Tensor) -> Tensor:
        """NCHW to NCHW."""
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        if self.missing:
            front = self.missing // 2
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, front, self.missing - front))
        return F.relu(out + x)


class ResNet(nn.Module):
    """ResNet-``depth``: three stages of n blocks with 16, 32, 64 channels."""

    def __init__(self, depth: int, classes: int, channels: int) -> None:
        super().__init__()
        count, rest = divmod(depth - 2, 6)
        if rest or count < 1:
            raise ValueError(f"ResNet depth {depth} must be 6n + 2: 8, 14, 20, 32, 44, 56, 110")
        self.input_shape = (channels, 32, 32)
        self.conv1 = nn.Conv2d(channels, 16, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.layer1 = self._stage(count, 16, 16, 1)
        self.layer2 = self._stage(count, 16, 32, 2)
        self.layer3 = self._stage(count, 32, 64, 2)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _stage(count: int, inputs: int, outputs: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            *(BasicBlock(outputs if i else inputs, outputs, 1 if i else stride) for i in range(count))
        )

    def maps(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to the last maps (N, C, H', W')."""
        out: Tensor = self.layer3(self.layer2(self.layer1(F.relu(self.bn1(self.conv1(x))))))
        return out

    def forward(self, x: Tensor) -> Tensor:
        """(N, channels, H, W) to logits (N, classes)."""
        logits: Tensor = self.linear(torch.flatten(F.adaptive_avg_pool2d(self.maps(x), 1), 1))
        return logits


def build(depth: str, *, classes: int = 10, channels: int = 3) -> ResNet:
    """Build ResNet-depth."""
    return ResNet(int(depth), classes, channels)
