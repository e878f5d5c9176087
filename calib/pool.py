"""A pool: the samples that a source offers, decoded only when taken."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Pool:
    """``count`` samples with their ``labels`` (int64 ``(count,)``) or None.

    ``take(indices)`` gives them in that order: as images, float32 ``(N, H, W, C)`` on the 0..1 scale, or,
    when ``ready``, as floats ``(N, ...)`` that are already what the network sees. ``divided`` says that the
    source has its own train and test parts and that this is the one asked for. ``title`` is the source
    without absolute paths; a folder's ends with a slash, so that none is taken for ``digits`` or ``noise``.
    """

    title: str
    count: int
    labels: np.ndarray | None
    take: Callable[[np.ndarray], np.ndarray]
    ready: bool = False
    divided: bool = False


def unit_scale(pixels: np.ndarray) -> np.ndarray:
    """uint8 pixels to float32 in 0..1, by division: as PyTorch's ToTensor does it."""
    return pixels.astype(np.float32) / np.float32(255)
