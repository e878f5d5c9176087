"""What must share a scale, and which channels may be scaled: on files built operator by operator."""

import numpy as np
import pytest
from support.models import O, T, build, constant

from nonn_mcu.codegen.reader import read
from nonn_mcu.convert.ptq.channels import FIXED, tied_channels
from nonn_mcu.convert.ptq.ties import tied

SAME = {
    "AVERAGE_POOL_2D": ((1, 4, 4, 6), [], {"filterHeight": 4, "filterWidth": 4}, (1, 1, 1, 6)),
    "MAX_POOL_2D": ((1, 4, 4, 6), [], {"filterHeight": 4, "filterWidth": 4}, (1, 1, 1, 6)),
    "RESHAPE": ((1, 4, 4, 6), [[1, 96]], {}, (1, 96)),
    "PAD": ((1, 4, 4, 6), [[[0, 0], [1, 1], [0, 0], [0, 0]]], {}, (1, 6, 4, 6)),
    "STRIDED_SLICE": ((1, 4, 4, 6), [[0] * 4, [1, 4, 4, 6], [1, 2, 2, 1]], {}, (1, 2, 2, 6)),
    "TRANSPOSE": ((1, 4, 4, 6), [[0, 2, 1, 3]], {}, (1, 4, 4, 6)),
    "RESIZE_NEAREST_NEIGHBOR": ((1, 4, 4, 6), [[8, 8]], {}, (1, 8, 8, 6)),
    "CONCATENATION": ((1, 4, 4, 6), [], {"axis": 3}, (1, 4, 4, 6)),
}


def after_relu(kind, shape, constants, options, target):
    """RELU, the operator, HARD_SWISH: its input (1) and output (2) are neither the model's nor fixed."""
    tensors = [T(shape, 0.1), T(shape, 0.1), T(target, 0.1), T(target, 0.1), *map(constant, constants)]
    ops = [
        O("RELU", [0], [1]),
        O(kind, [1, *range(4, 4 + len(constants))], [2], options),
        O("HARD_SWISH", [2], [3]),
    ]
    return read(build(tensors, ops, [0], [3]))


@pytest.mark.parametrize("kind", SAME)
def test_what_copies_values_has_one_scale(kind):
    graph = after_relu(kind, *SAME[kind])
    assert tied(graph, []) == [(1, 2), (3,)]


@pytest.mark.parametrize("kind", ["SOFTMAX", "LOGISTIC", "TANH"])
def test_a_scale_that_is_defined_stays_and_what_copies_it_too(kind):
    tensors = [T((1, 6), 0.1), T((1, 6), 0.1), T((1, 6), 1 / 256), T((1, 3, 2), 1 / 256), constant([1, 3, 2])]
    ops = [O("RELU", [0], [1]), O(kind, [1], [2]), O("RESHAPE", [2, 4], [3])]
    assert tied(read(build(tensors, ops, [0], [3])), []) == [(1,)]


def test_operators_that_are_not_known_keep_everything_around_them():
    tensors = [T((1, 6), 0.1) for _ in range(4)]
    ops = [O("RELU", [0], [1]), O("ABS", [1], [2]), O("HARD_SWISH", [2], [3])]
    assert tied(read(build(tensors, ops, [0], [3])), []) == [(3,)]


def test_a_constant_among_what_is_joined_keeps_the_scale_of_all():
    two = T((1, 2), 0.1, data=np.ones((1, 2), np.int8))
    tensors = [T((1, 6), 0.1), T((1, 6), 0.1), two, T((1, 8), 0.1), T((1, 8))]
    ops = [O("RELU", [0], [1]), O("CONCATENATION", [1, 2], [3], {"axis": 1}), O("HARD_SWISH", [3], [4])]
    assert tied(read(build(tensors, ops, [0], [4])), []) == [(4,)]


def test_weights_that_are_not_written_keep_the_scales_around_them():
    tensors = [T((1, 6), 0.1), T((1, 6), 0.1), T((2, 6), 0.1, data=np.ones((2, 6), np.int8)), T((1, 2), 0.1)]
    graph = read(build(tensors, [O("RELU", [0], [1]), O("FULLY_CONNECTED", [1, 2], [3])], [0], [3]))
    assert tied(graph, []) == []
    assert tied(graph, [1]) == [(1,), (3,)]


def between_layers(*middle, target, tensors=()):
    """A 1x1 convolution, the operators given (from tensor 1 to tensor 2), another convolution."""
    shapes = ((4, 1, 1, 4), (3, 1, 1, target[-1]))
    weights = [T(shape, data=np.ones(shape, np.int8)) for shape in shapes]
    known = [T((1, 4, 4, 4)), T((1, 4, 4, 4)), T(target), T((*target[:-1], 3)), *weights, *tensors]
    conv = {"strideH": 1, "strideW": 1}
    ops = [O("CONV_2D", [0, 4], [1], conv), *middle, O("CONV_2D", [2, 5], [3], conv)]
    graph = read(build(known, ops, [0], [3]))
    return tied_channels(graph, {op.index: False for op in graph.ops if op.kind == "CONV_2D"})


def follows(roots, source, target):
    """Which channel of ``source`` each channel of ``target`` is tied to; -1 for none, "fixed"."""
    found = []
    for root in roots[target]:
        same = np.flatnonzero(roots[source] == root)
        found.append("fixed" if root == FIXED else int(same[0]) if len(same) else -1)
    return found


MOVED = {
    "pooling": (O("MAX_POOL_2D", [1], [2]), (1, 2, 2, 4), [], [0, 1, 2, 3]),
    "padding channels": (
        O("PAD", [1, 6], [2]), (1, 4, 4, 7), [constant([[0, 0], [0, 0], [0, 0], [1, 2]])],
        [-1, 0, 1, 2, 3, -1, -1],
    ),
    "a slice of channels": (
        O("STRIDED_SLICE", [1, 6, 7, 8], [2], {"endMask": 7}), (1, 4, 4, 2),
        [constant([0, 0, 0, 1]), constant([0, 0, 0, 4]), constant([1, 1, 1, 2])], [1, 3],
    ),
    "a slice by size": (
        O("SLICE", [1, 6, 7], [2]), (1, 4, 4, 2), [constant([0, 0, 0, 1]), constant([1, -1, 4, 2])], [1, 2],
    ),
    "joining": (O("CONCATENATION", [1, 1], [2], {"axis": 3}), (1, 4, 4, 8), [], [0, 1, 2, 3] * 2),
    "a mean over the map": (
        O("MEAN", [1, 6], [2], {"keepDims": True}), (1, 1, 1, 4), [constant([1, 2])], [0, 1, 2, 3],
    ),
    "a mean over the channels": (
        O("MEAN", [1, 6], [2], {"keepDims": True}), (1, 4, 4, 1), [constant([3])], ["fixed"],
    ),
    "a transposition of the map": (
        O("TRANSPOSE", [1, 6], [2]), (1, 4, 4, 4), [constant([0, 2, 1, 3])], [0, 1, 2, 3],
    ),
    "a transposition of channels": (
        O("TRANSPOSE", [1, 6], [2]), (1, 4, 4, 4), [constant([0, 3, 1, 2])], [0, 0, 0, 0],
    ),
    "an activation that clips": (O("RELU6", [1], [2]), (1, 4, 4, 4), [], ["fixed"] * 4),
    "a product": (O("MUL", [1, 1], [2]), (1, 4, 4, 4), [], ["fixed"] * 4),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVED)
def test_channels_are_followed_through(name):
    op, target, tensors, expected = MOVED[name]
    assert follows(between_layers(op, target=target, tensors=tensors), 1, 2) == expected


def test_an_addition_ties_both_its_sides_and_edges_are_fixed():
    roots = between_layers(
        O("RELU", [1], [6]), O("ADD", [1, 6], [2]), target=(1, 4, 4, 4), tensors=[T((1, 4, 4, 4))]
    )
    assert follows(roots, 1, 6) == follows(roots, 1, 2) == [0, 1, 2, 3]
    assert set(roots[0]) == set(roots[3]) == {FIXED}
