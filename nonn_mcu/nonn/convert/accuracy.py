"""How well the int8 network classifies, whoever of its students answers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from nonn_mcu.nonn.devices.fuse import joined
from nonn_mcu.nonn.devices.head import Head
from nonn_mcu.nonn.network import Accuracy

# Choices of students that are tried for each number of missing ones: all of them up to ten students.
MOST_CHOICES = 256


def measure(
    logits: np.ndarray,
    features: Sequence[np.ndarray],
    absent: Sequence[np.ndarray],
    head: Head,
    labels: np.ndarray,
) -> Accuracy:
    """Measure on N labelled samples, ``labels`` int64 ``(N,)``.

    ``logits`` float32 ``(N, classes)`` are PyTorch's, ``features[k]`` int8 ``(N, f)`` the oracle's of student
    k, ``absent[k]`` int8 ``(f,)`` what stands for them. The largest logit counts, the first of equal ones.
    """

    def without(gone: tuple[int, ...]) -> float:
        answers = [None if k in gone else one for k, one in enumerate(features)]
        return _share(head.run(joined(answers, absent)), labels)

    missing, worst = [], []
    for count in range(len(features)):
        shares = [without(gone) for gone in choices(len(features), count)]
        missing.append(sum(shares) / len(shares))
        worst.append(min(shares))
    return Accuracy(
        samples=len(labels),
        float_network=_share(logits, labels),
        int8=missing[0],
        missing=tuple(missing),
        worst=tuple(worst),
    )


def choices(students: int, missing: int) -> list[tuple[int, ...]]:
    """Choose who is missing: every choice, or every n-th in their order where there are too many."""
    every = list(combinations(range(students), missing))
    return every[:: -(-len(every) // MOST_CHOICES)]


def _share(logits: np.ndarray, labels: np.ndarray) -> float:
    return float(np.mean(logits.argmax(axis=1) == labels))
