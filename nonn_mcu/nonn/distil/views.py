"""Augmented views of the training images: the same ones in every run with the same seed.

A view depends on the seed, its number and the image's index alone, so students of different runs, processes
and batches see the same one, and what the teacher says of it can be kept (K. Beyer et al., "Knowledge
distillation: A good teacher is patient and consistent", CVPR 2022: both must see the same view).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - PyTorch's own name for it
from torch import Tensor

Augment = Literal["none", "crop", "crop-flip"]
AUGMENTS: tuple[Augment, ...] = get_args(Augment)

PADDING = 4


@dataclass(frozen=True)
class Views:
    """How the ``count`` images of a training set are augmented."""

    augment: Augment
    seed: int
    count: int


def view(images: Tensor, indices: np.ndarray, views: Views, number: int) -> Tensor:
    """Give a view of ``images``, float32 (N, C, H, W), whose ``indices`` are int (N,).

    Random crop with a padding of 4 (zeros, which is the mean colour of normalised images) and, for
    "crop-flip", a horizontal flip of every second image.
    """
    if views.augment == "none":
        return images
    # RandomState's streams are frozen for good, those of Generator are not
    rng = np.random.RandomState([views.seed, number])
    down, right = rng.randint(0, 2 * PADDING + 1, (2, views.count))[:, indices]
    flip = (rng.randint(0, 2, views.count)[indices] == 1) & (views.augment == "crop-flip")
    _, channels, height, width = images.shape
    rows = down[:, None] + np.arange(height)
    columns = right[:, None] + np.where(flip[:, None], np.arange(width)[::-1], np.arange(width))
    padded = F.pad(images, (PADDING,) * 4)
    batch = torch.arange(len(images))[:, None, None, None]
    plane = torch.arange(channels)[None, :, None, None]
    return padded[
        batch, plane, torch.from_numpy(rows)[:, None, :, None], torch.from_numpy(columns)[:, None, None, :]
    ]
