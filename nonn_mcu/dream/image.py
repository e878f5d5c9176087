"""Images that are optimised in a space where natural images look like noise.

Frequencies are the parameters, each weighed by 1 / its frequency, and the colours are those that natural
images vary in independently: a step then moves what natural images move, and not single pixels. C. Olah,
A. Mordvintsev, L. Schubert, "Feature Visualization", Distill 2017.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from nonn_mcu.errors import BadInput
from nonn_mcu.students.student import InputSpec

# Brightness, red against blue, green against both: Y. Ohta, T. Kanade, T. Sakai, "Color Information for
# Region Segmentation", 1980; of length 1, times their share of the deviation of natural images.
_COLOURS = (
    (1.0, (3**-0.5, 3**-0.5, 3**-0.5)),
    (0.25, (2**-0.5, 0.0, -(2**-0.5))),
    (0.1, (-(6**-0.5), 2 * 6**-0.5, -(6**-0.5))),
)
# of the image before the sigmoid, at the start
_START = 0.3


def size(spec: InputSpec, name: str) -> tuple[int, int, int]:
    """Channels, height and width. Raises :class:`BadInput` where the input is no grey or colour image."""
    order = {"CHW": spec.shape, "HWC": (*spec.shape[-1:], *spec.shape[:-1])}.get(spec.layout, ())
    if len(order) != 3 or order[0] not in (1, 3):
        raise BadInput(
            f"{name}: takes {spec.layout} {spec.shape}; dreams are images of 1 or 3 channels, CHW or HWC"
        )
    return order[0], order[1], order[2]


def start(count: int, shape: tuple[int, int, int], rng: np.random.RandomState) -> Tensor:
    """Give parameters of ``count`` random images of ``shape`` (C, H, W): float32 (N, C, H, W // 2 + 1, 2)."""
    channels, height, width = shape
    drawn = rng.standard_normal((count, channels, height, width // 2 + 1, 2)).astype(np.float32)
    return torch.from_numpy(_START * drawn).requires_grad_(True)


def render(parameters: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """Give the images, float32 (N, C, H, W) in 0..1, of parameters as :func:`start` gives them."""
    channels, height, width = shape
    spectrum = torch.view_as_complex(parameters.contiguous()) * _weights(height, width)
    image = torch.fft.irfft2(spectrum, s=(height, width), norm="ortho")
    if channels == 3:
        colours = torch.tensor([[share * one for one in axis] for share, axis in _COLOURS])
        image = torch.einsum("nchw,cd->ndhw", image, colours * 3**0.5)
    return image.sigmoid()


def seen(images: Tensor, spec: InputSpec) -> Tensor:
    """Give ``images``, (N, C, H, W) in 0..1, as the network sees them: (N, *spec.shape)."""
    mean, std = (torch.tensor(values, dtype=torch.float32)[:, None, None] for values in (spec.mean, spec.std))
    normalised = (images - mean) / std
    return normalised.permute(0, 2, 3, 1) if spec.layout == "HWC" else normalised


def _weights(height: int, width: int) -> Tensor:
    """Amplitudes of the frequencies of a real image, (H, W // 2 + 1), of mean square 1."""
    down, across = np.fft.fftfreq(height)[:, None], np.fft.rfftfreq(width)[None, :]
    weights = 1 / np.maximum(np.hypot(down, across), 1 / max(height, width))
    return torch.from_numpy((weights / math.sqrt((weights**2).mean())).astype(np.float32))
