"""From the activations of a class's images to vectors none of which is an image's.

Every vector is made of at least k images: a centroid is their mean, and of the squared spread along an axis
no image has more than a k-th part. Axes are those of the spread around the centroids, of all clusters of a
class together: in a cluster of some twenty images a single one often has a quarter or a half of an axis,
which then points at it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, eq=False)
class Summary:
    """What is kept of one class, float64: ``centroids`` (M, C) of ``images`` int64 (M,) each.

    ``axes`` (A, C) have length 1, ``deviations`` (A,) are those along them.
    """

    centroids: np.ndarray
    images: np.ndarray
    axes: np.ndarray
    deviations: np.ndarray


def summarise(activations: np.ndarray, clusters: int, k: int, seed: int) -> Summary:
    """Summarise a class of activations (N, C), all different and N at least ``k``, in up to ``clusters``."""
    rows = activations.astype(np.float64)
    members = merge(rows, assign(rows, clusters, seed), k)
    count = members.max() + 1
    centroids = np.stack([rows[members == one].mean(0) for one in range(count)])
    axes, deviations = axes_of(rows - centroids[members], k, len(rows) // k - count)
    return Summary(centroids, np.bincount(members), axes, deviations)


def assign(rows: np.ndarray, clusters: int, seed: int) -> np.ndarray:
    """Give each of the rows (N, C) its cluster of k-means, int (N,)."""
    from sklearn.cluster import KMeans
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    with warnings.catch_warnings(), threadpool_limits(1):  # sums do not depend on the number of cores
        warnings.simplefilter("ignore")  # rows that are nearly equal give fewer clusters, which is right
        found = KMeans(min(clusters, len(rows)), n_init=10, random_state=seed).fit_predict(rows)
    return np.unique(found, return_inverse=True)[1]


def merge(rows: np.ndarray, members: np.ndarray, k: int) -> np.ndarray:
    """Merge every cluster of fewer than ``k`` rows, the smallest first, into the nearest; int (N,) again."""
    members = members.copy()
    while True:
        names, counts = np.unique(members, return_counts=True)
        smallest = counts.argmin()
        if counts[smallest] >= k or len(names) == 1:
            return np.unique(members, return_inverse=True)[1]
        centroids = np.stack([rows[members == name].mean(0) for name in names])
        distances = np.linalg.norm(centroids - centroids[smallest], axis=1)
        distances[smallest] = np.inf
        members[members == names[smallest]] = names[distances.argmin()]


def axes_of(residuals: np.ndarray, k: int, most: int) -> tuple[np.ndarray, np.ndarray]:
    """Principal axes (A, C) of residuals (N, C) around centroids, and the deviations (A,) along them.

    At most ``most`` of them, the longest first, none on which one row has more than 1 / ``k`` of the squares.
    """
    from sklearn.decomposition import PCA
    from threadpoolctl import threadpool_limits

    most = min(most, *residuals.shape)
    if most < 1:
        return np.zeros((0, residuals.shape[1])), np.zeros(0)
    with threadpool_limits(1), np.errstate(invalid="ignore", divide="ignore"):
        fitted = PCA(svd_solver="full").fit(residuals)
        squares = (residuals @ fitted.components_.T) ** 2
    total = squares.sum(0)
    shared = squares.max(0) * k <= total
    # an axis without spread is rounding, and its direction arbitrary
    kept = np.flatnonzero(shared & (total > 1e-12 * squares.sum()))[:most]
    return fitted.components_[kept], np.sqrt(total[kept] / len(residuals))
