"""Modularity with a resolution (Newman 2004; Reichardt & Bornholdt 2006), and the swaps that raise it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

Groups = tuple[tuple[int, ...], ...]

# A swap must gain more than rounding errors do, relative to the sum of all weights: or it would be undone.
_LEAST = 1e-12


def modularity(weights: np.ndarray, groups: Sequence[Sequence[int]], gamma: float) -> float:
    """Sum over groups of (weight inside - gamma * what is expected inside) / total weight; 0 without edges.

    ``weights``, float64 ``(C, C)``, is symmetric; expected is what nodes of the same strengths would have
    inside if their edges led anywhere.
    """
    total = float(weights.sum())
    if total == 0:
        return 0.0
    strength = weights.sum(axis=1)
    inside = sum(float(weights[np.ix_(group, group)].sum()) for group in groups)
    expected = sum(float(strength[list(group)].sum()) ** 2 for group in groups) / total
    return (inside - gamma * expected) / total


def swap(weights: np.ndarray, groups: Groups, gamma: float) -> Groups:
    """Raise the modularity by exchanging two nodes of different groups, the best pair first.

    Ends when no exchange raises it (Kernighan & Lin 1970, without their look ahead); sizes stay. The
    groups come back sorted. The same input gives the same groups.
    """
    total = float(weights.sum())
    if total == 0 or len(groups) < 2:
        return tuple(tuple(sorted(group)) for group in groups)
    strength = weights.sum(axis=1)
    excess = weights - gamma * np.outer(strength, strength) / total
    np.fill_diagonal(excess, 0)
    home = np.empty(len(weights), np.intp)
    for number, group in enumerate(groups):
        home[list(group)] = number
    # ties[i, g]: what node i has in excess towards the nodes of group g
    ties = np.stack([excess[:, list(group)].sum(axis=1) for group in groups], axis=1)
    while True:
        own = np.take_along_axis(ties, home[:, None], axis=1)
        leave = ties[:, home] - own  # [i, j]: of i, for going where j is, while j is still there
        gain = leave + leave.T - 2 * excess
        gain[home[:, None] == home] = -np.inf
        i, j = np.unravel_index(np.argmax(gain), gain.shape)
        if not gain[i, j] > _LEAST * total:
            break
        moved = excess[:, j] - excess[:, i]
        ties[:, home[i]] += moved
        ties[:, home[j]] -= moved
        home[i], home[j] = home[j], home[i]
    return tuple(tuple(np.flatnonzero(home == number).tolist()) for number in range(len(groups)))
