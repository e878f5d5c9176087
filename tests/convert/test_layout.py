"""The order of axes and outputs is found by value, and a wrong one never passes."""

import numpy as np
import pytest

from nonn_mcu.convert.layout import arrange, derive, marker
from nonn_mcu.errors import BadInput


def channels_last(x):
    return x.transpose(0, *range(2, x.ndim), 1)


def channels_first(x):
    return x.transpose(0, x.ndim - 1, *range(1, x.ndim - 1))


def plane(x):
    """A function of (N, C, H, W) that treats no two axes alike: (N, C, H, W)."""
    c, h, w = (np.arange(1, extent + 1, dtype=np.float32) for extent in x.shape[1:])
    return x * c[:, None, None] + np.cumsum(x, 2) * h[:, None] - np.cumsum(x, 3) * w


def scores(x):
    """(N, C, H, W) to (N, 5)."""
    return np.stack([(plane(x) * (k + 1)).max((1, 2, 3)) + x[:, 0, 0, k % 3] for k in range(5)], 1)


def both(x):
    return scores(channels_first(x)), channels_last(plane(channels_first(x)))


# name: shape, reference functions, the network as the tool built it: function of its input, input shape,
# expected permutation of the input, expected position and permutation of each output
SHAPE, SQUARE = (3, 4, 6), (4, 4, 4)
CASES = {
    "channels last": (
        SHAPE, [scores, plane], both,
        (1, 4, 6, 3), (0, 2, 3, 1), [(0, (0, 1)), (1, (0, 2, 3, 1))],
    ),
    "as it was": (SHAPE, [plane], lambda x: [plane(x)], (1, 3, 4, 6), (0, 1, 2, 3), [(0, (0, 1, 2, 3))]),
    "outputs exchanged": (
        SHAPE, [plane, scores], both,
        (1, 4, 6, 3), (0, 2, 3, 1), [(1, (0, 2, 3, 1)), (0, (0, 1))],
    ),
    "outputs of one shape exchanged": (
        SHAPE, [scores, lambda x: -2 * scores(x)],
        lambda x: [-2 * scores(channels_first(x)), scores(channels_first(x))],
        (1, 4, 6, 3), (0, 2, 3, 1), [(1, (0, 1)), (0, (0, 1))],
    ),
    "all axes equal, channels last": (
        SQUARE, [plane], lambda x: [channels_last(plane(channels_first(x)))],
        (1, 4, 4, 4), (0, 2, 3, 1), [(0, (0, 2, 3, 1))],
    ),
    "all axes equal, as it was": (
        SQUARE, [plane], lambda x: [plane(x)], (1, 4, 4, 4), (0, 1, 2, 3), [(0, (0, 1, 2, 3))],
    ),
    "all axes equal, output left as it was": (
        SQUARE, [plane], lambda x: [plane(channels_first(x))],
        (1, 4, 4, 4), (0, 2, 3, 1), [(0, (0, 1, 2, 3))],
    ),
    "height and width exchanged": (
        SQUARE, [plane], lambda x: [plane(channels_first(x).transpose(0, 1, 3, 2))],
        (1, 4, 4, 4), (0, 3, 2, 1), [(0, (0, 1, 2, 3))],
    ),
    "another rank": (
        SHAPE, [scores], lambda x: [scores(channels_first(x)).reshape(-1, 1, 1, 5)],
        (1, 4, 6, 3), (0, 2, 3, 1), [(0, ())],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_derive(name):
    shape, references, run, input_shape, input_axes, outputs = CASES[name]
    x = np.concatenate([marker(shape), np.random.default_rng(0).random((2, *shape), np.float32)])
    found = derive(run, input_shape, x, [reference(x) for reference in references])
    assert found.input_axes == input_axes
    assert [(output.position, output.axes) for output in found.outputs] == outputs


WRONG = {
    "a mirrored input": lambda x: [plane(channels_first(x)[:, :, ::-1])],
    "a scaled output": lambda x: [plane(channels_first(x)) * 1.01],
    "NaN": lambda x: [plane(channels_first(x)) * np.nan],
    "an output too few": lambda x: [],
    "an output of another size": lambda x: [plane(channels_first(x))[:, :2]],
}


@pytest.mark.parametrize("name", WRONG)
@pytest.mark.parametrize("shape", [SHAPE, SQUARE])
def test_what_matches_in_no_order_is_refused(name, shape):
    x = np.concatenate([marker(shape), np.random.default_rng(0).random((2, *shape), np.float32)])
    with pytest.raises(BadInput, match="does not compute what the original does"):
        derive(WRONG[name], (1, *shape[1:], shape[0]), x, [plane(x)])


def test_the_marker_looks_different_from_every_side():
    one = marker(SQUARE)[0]
    views = [
        np.transpose(one, axes)[::a, ::b, ::c]
        for axes in ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))
        for a in (1, -1)
        for b in (1, -1)
        for c in (1, -1)
    ]
    assert sum(np.allclose(one, view) for view in views) == 1


def test_arrange_permutes_each_sample():
    x = np.arange(2 * 3 * 4 * 6, dtype=np.float32).reshape(2, 3, 4, 6)
    assert np.array_equal(arrange(x, (0, 2, 3, 1), (1, 4, 6, 3)), channels_last(x))
    assert arrange(x, (), (1, 72)).shape == (2, 72)
