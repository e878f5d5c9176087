"""CMSIS-NN's scratch: worked out by hand from its own functions, for one operator of each form."""

import numpy as np
import pytest
from support.models import O, T, build, constant, single_op

from nonn_mcu.codegen import cmsis_nn
from nonn_mcu.codegen.reader import read
from nonn_mcu.codegen.unsupported import Unsupported

WINDOW = {"padding": 0, "fusedActivationFunction": "NONE"}
CONV = WINDOW | {"strideH": 1, "strideW": 1, "dilationHFactor": 1, "dilationWFactor": 1}

POOL = WINDOW | {"filterHeight": 8, "filterWidth": 8, "strideH": 1, "strideW": 1}


def learnt(*shape, scale=1.0):
    return T(shape, scale, data=np.zeros(shape, np.int8))


def window(kind, source, weights, output, **options):
    return single_op(kind, [T(source), learnt(*weights)], T(output), **(CONV | options))


def dense(depth, units, *rows, weights=1.0):
    return single_op(
        "FULLY_CONNECTED", [T((*rows, depth)), learnt(units, depth, scale=weights)], T((*rows, units))
    )


def transposed(channels, taps, stride, size=4):
    out = (1, size * stride, size * stride, 5)
    inputs = [constant(out), learnt(5, taps, taps, channels), T((1, size, size, channels))]
    return single_op("TRANSPOSE_CONV", inputs, T(out), padding=0, strideW=stride, strideH=stride)


CASES = {
    # max(2 columns of int16 rounded to 4, 4 columns rounded to 16) of 3*3*3 = 27 values
    "a convolution": (window("CONV_2D", (1, 8, 8, 3), (4, 3, 3, 3), (1, 8, 8, 4)), max(2 * 28 * 2, 4 * 32)),
    "its columns fill vectors": (window("CONV_2D", (1, 8, 8, 16), (4, 3, 3, 16), (1, 8, 8, 4)), 4 * 144),
    "1x1": (window("CONV_2D", (1, 8, 8, 20), (4, 1, 1, 20), (1, 8, 8, 4)), 80),
    "1x1 with steps": (
        window("CONV_2D", (1, 8, 8, 20), (4, 1, 1, 20), (1, 4, 4, 4), strideH=2, strideW=2), 80
    ),
    # one row, SAME: the window and one column of padding, 6 * 4 values, against 4 columns of 32
    "a row": (window("CONV_2D", (1, 1, 30, 4), (4, 1, 5, 4), (1, 1, 30, 4)), 4 * 32),
    # 7 taps of 8: 7 * 8 + 3 * 8 are fewer than 4 * 64
    "a wide row": (window("CONV_2D", (1, 1, 40, 8), (4, 1, 7, 8), (1, 1, 40, 4)), 4 * 64),
    "depthwise, few channels": (
        window("DEPTHWISE_CONV_2D", (1, 8, 8, 8), (1, 3, 3, 8), (1, 8, 8, 8), depthMultiplier=1),
        4 * 124 * 9,
    ),
    "depthwise, many channels": (
        window("DEPTHWISE_CONV_2D", (1, 8, 8, 512), (1, 3, 3, 512), (1, 8, 8, 512), depthMultiplier=1),
        512 * 9 * 2,
    ),
    "depthwise of one channel": (
        window("DEPTHWISE_CONV_2D", (1, 8, 8, 1), (1, 3, 3, 8), (1, 8, 8, 8), depthMultiplier=8),
        (4 * 16 + 72 + 8) + 4 * 124 * 9,
    ),
    "dense": (dense(16, 10, 1), 48),
    # per-channel scales made up, words for armclang's kernel, and the sums
    "dense of three dimensions": (dense(16, 10, 1, 3), 80 + 64 + 48),
    "an average": (
        single_op("AVERAGE_POOL_2D", [T((1, 8, 8, 6))], T((1, 1, 1, 6)), **POOL),
        32,
    ),
    "transposed, filters reversed": (transposed(20, 3, 2), 4 * 192 + 912),
    "transposed": (transposed(8, 3, 2), (3 * 2 + 3) * 5 * 3 * 4 + 4),
    "nothing": (single_op("LOGISTIC", [T((1, 8))], T((1, 8), 1 / 256, -128)), 0),
}  # fmt: skip


@pytest.mark.parametrize(("model", "expected"), CASES.values(), ids=CASES)
def test_scratch_of_one_operator(model, expected):
    assert cmsis_nn.extra(read(model)) == expected


def test_the_largest_scratch_counts_and_every_sum():
    tensors = [T((1, 16)), learnt(10, 16), T((1, 10)), learnt(20, 10), T((1, 20))]
    ops = [O("FULLY_CONNECTED", [0, 1], [2]), O("FULLY_CONNECTED", [2, 3], [4])]
    assert cmsis_nn.extra(read(build(tensors, ops, [0], [4]))) == 48 + 80


MALFORMED = {
    "three dimensions": window("CONV_2D", (8, 8, 3), (4, 3, 3, 3), (1, 8, 8, 4)),
    "no weights": single_op("CONV_2D", [T((1, 8, 8, 3))], T((1, 8, 8, 4)), **CONV),
    "weights left out": single_op("CONV_2D", [T((1, 8, 8, 3)), None], T((8, 4)), **CONV),
}


@pytest.mark.parametrize("model", MALFORMED.values(), ids=MALFORMED)
def test_shapes_that_do_not_go_together_are_refused(model):
    with pytest.raises(Unsupported):
        cmsis_nn.extra(read(model))
