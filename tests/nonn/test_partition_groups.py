"""Groups are complete, disjoint and of the requested sizes whatever the graph is, and swaps only help."""

from fractions import Fraction
from random import Random

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.partition import groups as partition
from nonn_mcu.nonn.partition.modularity import modularity, swap

nx = pytest.importorskip("networkx")

BUDGETS = st.lists(st.integers(1, 10**9), min_size=2, max_size=16)


@st.composite
def graphs(draw):
    """Symmetric weights without a diagonal: dense, sparse, with equal weights, or none at all."""
    channels = draw(st.integers(2, 40))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.random((channels, channels)) ** draw(st.sampled_from([0, 1, 8]))
    weights[rng.random(weights.shape) > draw(st.sampled_from([0, 0.1, 1]))] = 0
    weights = np.triu(weights, 1)
    return weights + weights.T


@settings(max_examples=50)
@given(graphs(), BUDGETS, st.sampled_from([0.1, 0.7, 3.0]), st.integers(0, 99))
def test_groups_are_complete_disjoint_and_of_the_sizes(weights, budgets, gamma, seed):
    channels = len(weights)
    assume(len(budgets) <= channels)
    wanted = partition.sizes(channels, budgets)
    found = partition.communities(weights * (weights > 0.5), gamma, seed)
    groups = partition.groups(weights, found, wanted, gamma)
    assert tuple(map(len, groups)) == wanted
    assert sorted(sum(groups, ())) == list(range(channels))
    assert all(list(group) == sorted(group) for group in groups)
    assert groups == partition.groups(weights, found, wanted, gamma)
    before = partition.place(weights, found, wanted)
    assert modularity(weights, groups, gamma) >= modularity(weights, before, gamma) - 1e-12


@settings(max_examples=50)
@given(graphs(), st.integers(2, 6), st.integers(0, 99))
def test_no_exchange_of_two_channels_raises_what_the_swaps_leave(weights, count, seed):
    channels = len(weights)
    assume(count <= channels)
    random = Random(seed)
    order = random.sample(range(channels), channels)
    start = tuple(tuple(order[number::count]) for number in range(count))
    groups = swap(weights, start, 0.7)
    reached = modularity(weights, groups, 0.7)
    assert reached >= modularity(weights, start, 0.7) - 1e-12
    for _ in range(20):
        one, other = random.sample(range(count), 2)
        i, j = random.choice(groups[one]), random.choice(groups[other])
        exchanged = [set(group) for group in groups]
        exchanged[one] ^= {i, j}
        exchanged[other] ^= {i, j}
        assert modularity(weights, [sorted(group) for group in exchanged], 0.7) <= reached + 1e-9


@settings(max_examples=50)
@given(graphs(), st.sampled_from([0.7, 1.0]))
def test_modularity_is_networkx_s(weights, gamma):
    assume(weights.any())
    channels = len(weights)
    groups = [range(channels // 2), range(channels // 2, channels)]
    expected = nx.community.modularity(nx.from_numpy_array(weights), groups, resolution=gamma)
    assert modularity(weights, groups, gamma) == pytest.approx(expected, abs=1e-9)


@given(st.integers(2, 5000), BUDGETS)
def test_sizes_are_in_proportion_to_the_budgets(channels, budgets):
    assume(len(budgets) <= channels)
    given = partition.sizes(channels, budgets)
    assert sum(given) == channels and min(given) >= 1
    quota = [Fraction(channels * budget, sum(budgets)) for budget in budgets]
    if min(quota) >= 1:
        assert all(abs(size - due) < 1 for size, due in zip(given, quota, strict=True))
    assert all(
        a <= b
        for a, s in zip(given, budgets, strict=True)
        for b, t in zip(given, budgets, strict=True)
        if s < t
    )


SIZES = {
    "equal": (64, [1] * 4, (16, 16, 16, 16)),
    "the remainder goes to the first": (64, [1] * 3, (22, 21, 21)),
    "the authors' loss": (256, [500_000, 250_000], (171, 85)),
    "one at least": (10, [10**9, 1, 1], (8, 1, 1)),
    "a channel each": (16, [1, 10**9] * 8, (1,) * 16),
}


@pytest.mark.parametrize(("channels", "budgets", "expected"), SIZES.values(), ids=SIZES)
def test_sizes(channels, budgets, expected):
    assert partition.sizes(channels, budgets) == expected


@pytest.mark.parametrize(("channels", "count"), [(64, 1), (64, 17), (3, 4)])
def test_sizes_that_cannot_be(channels, count):
    with pytest.raises(BadInput, match=f"{count} students"):
        partition.sizes(channels, [1] * count)


def cliques(*members, between=0.01):
    """Communities beyond doubt."""
    channels = sum(map(len, members))
    weights = np.full((channels, channels), float(between))
    for group in members:
        weights[np.ix_(group, group)] = 1
    np.fill_diagonal(weights, 0)
    return weights


def test_communities_that_fit_stay_whole():
    members = [(0, 3, 6, 9), (1, 4, 7, 10), (2, 5, 8, 11)]
    weights = cliques(*members)
    found = partition.communities(weights * (weights == 1))
    assert found == tuple(members)
    assert partition.groups(weights, found, (4, 4, 4)) == tuple(members)


def test_the_largest_community_is_split_along_its_weakest_ties_and_none_is_dropped():
    """Two cliques that lean on each other are one community, as the authors' 181 of 256 channels were."""
    left, right, alone = (0, 2, 4, 6), (1, 3, 5, 7), (8, 9)
    weights = cliques(left, right, alone, between=0.001)
    weights[np.ix_(left, right)] = weights[np.ix_(right, left)] = 0.3
    found = ((*range(8),), alone)
    assert partition.groups(weights, found, (4, 4, 2)) == (left, right, alone)


def test_a_channel_without_an_edge_goes_where_its_weak_ties_lead():
    weights = cliques((0, 1, 2), (3, 4, 5), between=0)
    weights = np.pad(weights, (0, 2))
    weights[6, 4] = weights[4, 6] = 0.01
    weights[7, 1] = weights[1, 7] = 0.01
    found = partition.communities(weights * (weights == 1))
    assert found == ((0, 1, 2), (3, 4, 5), (6,), (7,))
    assert partition.groups(weights, found, (4, 4)) == ((0, 1, 2, 7), (3, 4, 5, 6))


def test_communities_of_equal_size_stay_apart():
    weights = cliques((0, 1), (2, 3), (4, 5), between=0)
    assert partition.communities(weights) == ((0, 1), (2, 3), (4, 5))
