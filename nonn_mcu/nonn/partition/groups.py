"""Partition the channels: communities first, then as many groups as there are students, sized to budgets.

The communities are the paper's (arXiv 1907.11804: Louvain's with a resolution gamma). What its authors do
next, to throw the largest community away and to accept whatever sizes come out, is not done here: every
channel is in a group, and a group is as large as its device's share of the budgets.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.partition.modularity import Groups, swap
from nonn_mcu.nonn.parts import MAX_STUDENTS

GAMMA = 0.7


def communities(edges: np.ndarray, gamma: float = GAMMA, seed: int = 0) -> Groups:
    """Find communities by Louvain's method; the largest first, of equal ones that with the lowest channel.

    ``edges``, float64 ``(C, C)``, is symmetric, 0 where there is no edge. A channel without an edge is a
    community of its own.
    """
    import networkx as nx

    graph = nx.Graph()
    graph.add_nodes_from(range(len(edges)))
    ends = np.argwhere(np.triu(edges, 1))
    graph.add_weighted_edges_from((i, j, float(edges[i, j])) for i, j in ends.tolist())
    found = nx.community.louvain_communities(graph, weight="weight", resolution=gamma, seed=seed)
    return tuple(sorted((tuple(sorted(one)) for one in found), key=lambda one: (-len(one), one)))


def sizes(channels: int, budgets: Sequence[int]) -> tuple[int, ...]:
    """Divide ``channels`` in proportion to ``budgets`` by largest remainders, at least one to each.

    Raises :class:`BadInput` for fewer than 2 or more than 16 budgets, and for more budgets than channels.
    """
    count = len(budgets)
    if not 2 <= count <= MAX_STUDENTS:
        raise BadInput(f"{count} students: give 2 to {MAX_STUDENTS}")
    if count > channels:
        raise BadInput(f"{count} students cannot share {channels} channels; give at most {channels}")
    given = [0] * count
    while True:  # whoever is due less than one gets one, which changes what the others are due
        free = [i for i in range(count) if not given[i]]
        total, left = sum(budgets[i] for i in free), channels - sum(given)
        poor = [i for i in free if left * budgets[i] < total]
        if not poor:
            break
        for i in poor:
            given[i] = 1
    for i in free:
        given[i] = left * budgets[i] // total
    remainders = sorted(free, key=lambda i: (-(left * budgets[i] % total), i))
    for i in remainders[: channels - sum(given)]:
        given[i] += 1
    return tuple(given)


def groups(weights: np.ndarray, found: Groups, wanted: Sequence[int], gamma: float = GAMMA) -> Groups:
    """Place communities in groups of the ``wanted`` sizes, then swap channels to raise the modularity.

    ``weights``, float64 ``(C, C)``, is the whole graph, before the threshold: so a channel without an edge
    has ties too. ``found`` are disjoint and complete; the sizes sum up to C. Every group is sorted.
    """
    return swap(weights, place(weights, found, wanted), gamma)


def place(weights: np.ndarray, found: Groups, wanted: Sequence[int]) -> Groups:
    """Put the largest community where most room is, splitting off what does not fit, until all are placed.

    What is split off are the channels with the weakest ties to those that stay. A single channel goes to
    the group with room to which it has the strongest ties.
    """
    placed: list[list[int]] = [[] for _ in wanted]
    waiting = list(found)
    while waiting:
        waiting.sort(key=lambda one: (-len(one), one))
        community = waiting.pop(0)
        room = [size - len(group) for size, group in zip(wanted, placed, strict=True)]
        if len(community) == 1:
            ties = [float(weights[community[0], group].sum()) for group in placed]
            where = max((i for i, free in enumerate(room) if free), key=lambda i: (ties[i], room[i], -i))
        else:
            where = max(range(len(room)), key=lambda i: (room[i], -i))
        core = _core(weights, community, room[where])
        placed[where] += core
        if rest := tuple(sorted(set(community) - set(core))):
            waiting.append(rest)
    return tuple(tuple(sorted(group)) for group in placed)


def _core(weights: np.ndarray, community: Sequence[int], size: int) -> tuple[int, ...]:
    """At most ``size`` channels of a community that hold together: grown from the one with most ties."""
    if len(community) <= size:
        return tuple(community)
    members = np.array(sorted(community))
    inside = weights[np.ix_(members, members)]
    taken = [int(inside.sum(axis=1).argmax())]
    ties = inside[taken[0]].copy()
    while len(taken) < size:
        ties[taken] = -np.inf
        best = int(ties.argmax())
        taken.append(best)
        ties += inside[best]
    return tuple(sorted(members[taken].tolist()))
