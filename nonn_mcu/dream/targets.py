"""What dreams are to look like to the teacher: centroids, a little moved along the axes of their class."""

from __future__ import annotations

import numpy as np

from nonn_mcu.dream.metadata import Metadata


def draw(
    metadata: Metadata, first: int, count: int, spread: float, rng: np.random.RandomState
) -> tuple[np.ndarray, np.ndarray]:
    """Draw targets float32 (N, C) and their classes int64 (N,), for dreams ``first`` and following.

    Classes take turns. Of a class's centroids one is drawn by its share of the images; to it is added normal
    noise along each axis, ``spread`` times its deviation. Pooled activations are never negative.
    """
    labels = (first + np.arange(count, dtype=np.int64)) % len(metadata.names)
    targets = np.empty((count, metadata.centroids.shape[1]), np.float32)
    for place, label in enumerate(labels):
        mine = np.flatnonzero(metadata.classes == label)
        images = metadata.images[mine]
        chosen = mine[rng.choice(len(mine), p=images / images.sum())]
        along = metadata.axis_classes == label
        noise = rng.standard_normal(along.sum()) * metadata.deviations[along] * spread
        targets[place] = np.maximum(metadata.centroids[chosen] + noise @ metadata.axes[along], 0)
    return targets, labels
