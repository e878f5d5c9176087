"""The filter activation network is the paper's recipe, said again here in plain loops."""

import itertools

import numpy as np
import pytest

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.partition import activation_graph
from nonn_mcu.nonn.partition.activation_graph import default_percentile

AFFINITY = {
    "hubness": lambda a, b: a * b * abs(a - b),
    "coactivation": lambda a, b: a * b / (abs(a - b) + 1),
}


def recipe(features, top, percentile, affinity):
    channels = features.shape[1]
    weights = np.zeros((channels, channels))
    for image in features.astype(float):
        a = [max(value, 0) for value in image]
        if not max(a):
            continue
        a = [value / max(a) for value in a]
        kept = sorted(range(channels), key=lambda i: (-a[i], i))[:top]
        for i, j in itertools.permutations(kept, 2):
            weights[i, j] += AFFINITY[affinity](a[i], a[j])
    weights /= weights.max()
    threshold = np.percentile(weights[weights > 0], percentile)
    return weights, np.where(weights < threshold, 0, weights)


@pytest.mark.parametrize("affinity", AFFINITY)
@pytest.mark.parametrize(("channels", "top", "percentile"), [(64, 20, 99), (12, 50, 80), (12, 3, 0)])
def test_it_is_the_recipe(affinity, channels, top, percentile):
    rng = np.random.default_rng(1)
    features = rng.standard_normal((260, channels)).astype(np.float32)  # more than are taken at a time
    features[7] = -1  # excites nothing
    features[8] = 0.5  # ties: the lower channels are kept
    graph = activation_graph.build(features, top=top, percentile=percentile, affinity=affinity)
    weights, edges = recipe(features, top, percentile, affinity)
    np.testing.assert_allclose(graph.weights, weights, rtol=1e-9, atol=1e-15)
    np.testing.assert_array_equal(graph.edges > 0, edges > 0)
    assert (graph.weights == graph.weights.T).all() and not graph.weights.diagonal().any()
    assert graph.weights.max() == 1
    positive = np.maximum(features, 0).astype(float)
    relative = positive / np.maximum(positive.max(1, keepdims=True), 1e-30)
    np.testing.assert_allclose(graph.activity, relative.mean(0))


@pytest.mark.parametrize(
    "features",
    [np.zeros((5, 4)), -np.ones((5, 4)), np.ones((5, 4)), np.eye(4), np.ones((5, 1))],
    ids=["dead", "negative", "all alike", "never together", "one channel"],
)
def test_a_map_that_ties_nothing_is_refused(features):
    with pytest.raises(BadInput, match="no two of the"):
        activation_graph.build(features.astype(np.float32), percentile=99)


def test_the_default_percentile_keeps_as_many_edges_at_a_channel_as_the_authors():
    assert default_percentile(256) == pytest.approx(99)
    assert default_percentile(1) == default_percentile(3) == 0
    for channels in (16, 64, 512):
        pairs = channels * (channels - 1) / 2
        edges = (1 - default_percentile(channels) / 100) * pairs
        assert 2 * edges / channels == pytest.approx(2.55)
