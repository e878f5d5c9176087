"""The filter activation network: which of a teacher's channels fire together, and how differently strongly.

Bhardwaj, Lin, Sartor and Marculescu 2019 (arXiv 1907.11804), section 3.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from nonn_mcu.errors import BadInput

Affinity = Literal["hubness", "coactivation"]
AFFINITIES: tuple[Affinity, ...] = get_args(Affinity)

TOP = 50
# The authors keep a hundredth of the pairs of 256 channels, which is this many edges at the average channel.
_DEGREE = 2.55
# Images at a time: bounds the memory, since each has TOP squared pairs.
_CHUNK = 256


@dataclass(frozen=True, eq=False)
class ActivationGraph:
    """Nodes are the channels.

    ``weights``, float64 ``(C, C)``, is symmetric with a zero diagonal; its largest is 1. ``edges`` is the
    same where it reached the percentile, and 0 elsewhere. ``activity``, float64 ``(C,)``, is the mean over
    the images of each channel's activation relative to the image's strongest channel.
    """

    weights: np.ndarray
    edges: np.ndarray
    activity: np.ndarray


def default_percentile(channels: int) -> float:
    """Give the authors' 99 for 256 channels, and for others what leaves as many edges at a channel.

    99 would leave a smaller network almost none: 21 for 64 channels.
    """
    return max(0.0, 100 * (1 - _DEGREE / max(1, channels - 1)))


def build(
    features: np.ndarray, *, percentile: float, top: int = TOP, affinity: Affinity = "hubness"
) -> ActivationGraph:
    """Build the graph from ``features``, float32 ``(N, C)``: each image's spatial mean of each channel.

    Of each image the negatives are 0, the rest is divided by its largest, and the ``top`` largest (the lower
    channel where they are equal) are tied pair by pair: "hubness" adds ``a_i a_j |a_i - a_j|``, which ties
    strong channels to weak ones and so spreads the strong ones over the groups; "coactivation" adds
    ``a_i a_j / (|a_i - a_j| + 1)``, which groups channels that fire alike. Weights below the ``percentile``
    of those above zero are no edges.

    Raises :class:`BadInput` when no two channels are ever tied.
    """
    count, channels = features.shape
    a = np.maximum(features.astype(np.float64), 0)
    a /= np.maximum(a.max(axis=1, keepdims=True), np.finfo(np.float64).tiny)  # an image may excite nothing
    kept = min(top, channels)
    weights = np.zeros(channels * channels)
    for start in range(0, count, _CHUNK):
        some = a[start : start + _CHUNK]
        index = np.argsort(-some, axis=1, kind="stable")[:, :kept]
        value = np.take_along_axis(some, index, axis=1)
        pair = index[:, :, None] * channels + index[:, None, :]
        weights += np.bincount(
            pair.ravel(), weights=_AFFINITY[affinity](value).ravel(), minlength=channels * channels
        )
    weights = weights.reshape(channels, channels)
    np.fill_diagonal(weights, 0)
    if not weights.max() > 0:
        raise BadInput(
            f"no two of the {channels} channels are active in one image, at different strength; "
            "check the weights, --mean and --std, or choose another --layer"
        )
    weights /= weights.max()
    threshold = np.percentile(weights[weights > 0], percentile)
    return ActivationGraph(weights, np.where(weights >= threshold, weights, 0), a.mean(axis=0))


def _hubness(a: np.ndarray) -> np.ndarray:
    one, other = a[:, :, None], a[:, None, :]
    product: np.ndarray = one * other * abs(one - other)
    return product


def _coactivation(a: np.ndarray) -> np.ndarray:
    one, other = a[:, :, None], a[:, None, :]
    quotient: np.ndarray = one * other / (abs(one - other) + 1)
    return quotient


_AFFINITY = {"hubness": _hubness, "coactivation": _coactivation}
