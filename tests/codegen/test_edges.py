"""Float or uint8 edges around an int8 network are taken off; a float model is refused."""

import numpy as np
import pytest
from support.models import O, T, build

from nonn_mcu.codegen import load
from nonn_mcu.codegen.edges import strip_edges
from nonn_mcu.errors import BadInput
from nonn_mcu.verify import oracle

SHAPE = (1, 2, 2, 3)
INNER = T(SHAPE, 0.5, 3, name="inner")
RESULT = T(SHAPE, 0.5, 3, name="result")
FLOAT_IN = T(SHAPE, None, dtype="float32", name="float_in")
FLOAT_OUT = T(SHAPE, None, dtype="float32", name="float_out")
WEIGHTS = T((3, 1, 1, 3), 0.1, data=np.arange(9, dtype=np.int8).reshape(3, 1, 1, 3), name="weights")
CONV = O("CONV_2D", [1, 4], [2], {"padding": 1, "strideH": 1, "strideW": 1})


def model(first=FLOAT_IN, last=FLOAT_OUT, front="QUANTIZE", back="DEQUANTIZE", **fields):
    tensors = [first, INNER, RESULT, last, WEIGHTS]
    return build(tensors, [O(front, [0], [1]), CONV, O(back, [2], [3])], [0], [3], **fields)


BARE = build([INNER, INNER, RESULT, FLOAT_OUT, WEIGHTS], [CONV], [1], [2])


@pytest.mark.parametrize(
    "whole",
    [
        model(),
        model(T(SHAPE, 0.5, 131, dtype="uint8"), T(SHAPE, 0.5, 131, dtype="uint8"), back="QUANTIZE"),
    ],
    ids=["float", "uint8"],
)
def test_edges_are_stripped(whole):
    stripped = strip_edges(whole)
    graph = load(stripped)
    assert (graph.inputs, graph.outputs) == ((1,), (2,))
    assert [op.kind for op in graph.ops] == ["CONV_2D"]
    x = np.random.default_rng(0).integers(-128, 128, (5, *SHAPE[1:]), np.int8)
    np.testing.assert_array_equal(oracle.run(stripped, [x])[0], oracle.run(BARE, [x])[0])
    assert strip_edges(stripped) is stripped


def test_constants_stay_aligned():
    """TensorFlow Lite Micro reads weights in place, 16 bytes at a time where it can."""
    stripped = strip_edges(model())
    assert stripped.index(WEIGHTS.data.tobytes()) % 16 == 0


def test_one_edge_alone():
    tensors = [FLOAT_IN, INNER, RESULT, FLOAT_OUT, WEIGHTS]
    stripped = strip_edges(build(tensors, [O("QUANTIZE", [0], [1]), CONV], [0], [2]))
    assert load(stripped).inputs == (1,)


def test_requantisation_between_int8_scales_is_kept():
    tensors = [T(SHAPE, 0.1), T(SHAPE, 0.2)]
    whole = build(tensors, [O("QUANTIZE", [0], [1])], [0], [1])
    assert strip_edges(whole) is whole


FLOAT = T(SHAPE, None, dtype="float32")


@pytest.mark.parametrize(
    ("whole", "message"),
    [
        (lambda: build([FLOAT, FLOAT], [O("RELU", [0], [1])], [0], [1]), "float model; convert from the .pt"),
        (lambda: model(front="RELU"), "input .*float32.*float model"),
        (lambda: model(back="RELU"), "output .*float32.*float model"),
        (
            lambda: build([FLOAT, INNER, FLOAT], [O("QUANTIZE", [0], [1]), O("ADD", [0, 1], [2])], [0], [2]),
            "float",
        ),
        (lambda: model()[:300], "damaged"),
        (lambda: b"", "TFL3"),
    ],
)
def test_refused(whole, message):
    with pytest.raises(BadInput, match=message):
        strip_edges(whole())
