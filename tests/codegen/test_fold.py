"""Shape arithmetic in front of a RESHAPE: folded, dropped, and exact against the oracle."""

import numpy as np
import pytest
from support.models import O, T, build, constant
from support.single_op import Case, check_cases, vectors

from nonn_mcu.codegen import generate, load
from nonn_mcu.errors import BadInput

IMAGE = T((1, 2, 3, 4), 0.5, name="image")
SHAPE = T((4,), None, dtype="int32", name="shape")
SCALAR = T((), None, dtype="int32", name="batch")
PACKED = T((2,), None, dtype="int32", name="packed")
FLAT = T((1, 24), 0.5, name="flat")
RESULT = T((1, 24), 0.5, name="result")
SLICE = {"shrinkAxisMask": 1}


def dynamic_flatten(packed=PACKED, columns=24, begin=0):
    """What a converter writes for x.reshape(len(x), -1), with a layer behind."""
    tensors = [
        IMAGE,
        SHAPE,
        constant([begin]),
        constant([begin + 1]),
        constant([1]),
        SCALAR,
        constant(columns),
        packed,
        FLAT,
        RESULT,
    ]
    ops = [
        O("SHAPE", [0], [1], {"outType": 2}),
        O("STRIDED_SLICE", [1, 2, 3, 4], [5], SLICE),
        O("PACK", [5, 6], [7], {"valuesCount": 2, "axis": 0}),
        O("RESHAPE", [0, 7], [8]),
        O("RELU", [8], [9]),
    ]
    return build(tensors, ops, [0], [9])


def test_a_dynamic_flatten_becomes_one_layer():
    graph = load(dynamic_flatten())
    assert [op.kind for op in graph.ops] == ["RESHAPE", "RELU"]
    assert graph.tensors[7].data.tolist() == [1, 24]
    assert len(generate(dynamic_flatten(), "model").reference.layers) == 1


def test_equals_the_oracle(kernels, tmp_path):
    model = dynamic_flatten()
    check_cases([Case(model, vectors(np.random.default_rng(0), model))], tmp_path, kernels)


@pytest.mark.parametrize(
    ("ops", "tensors", "expected"),
    [
        ([O("CONCATENATION", [1, 2], [3], {"axis": 0})], [constant([1]), constant([24])], [1, 24]),
        ([O("GATHER", [1, 2], [3], {"axis": 0})], [constant([1, 24, 7]), constant([0, 1])], [1, 24]),
    ],
)
def test_other_arithmetic_is_folded(ops, tensors, expected):
    ops = [*ops, O("RESHAPE", [0, 3], [4]), O("RELU", [4], [5])]
    graph = load(build([IMAGE, *tensors, PACKED, FLAT, RESULT], ops, [0], [5]))
    assert [op.kind for op in graph.ops] == ["RESHAPE", "RELU"]
    assert graph.tensors[3].data.tolist() == expected


def test_dead_operators_are_dropped():
    tensors = [IMAGE, *(T(IMAGE.shape, 0.5, name=f"t{i}") for i in range(3))]
    graph = load(build(tensors, [O("RELU", [0], [1]), O("RELU", [0], [2]), O("RELU", [2], [3])], [0], [1]))
    assert [op.outputs for op in graph.ops] == [(1,)]


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (
            lambda: dynamic_flatten(T((3,), None, dtype="int32")),
            r"int32\[2\] is computed, int32\[3\] declared",
        ),
        (lambda: dynamic_flatten(begin=9), "int32 and not constant"),
    ],
)
def test_inconsistent_arithmetic_is_refused(model, message):
    with pytest.raises(BadInput, match=message):
        load(model())


def test_little_does_not_become_much():
    """Constants are folded as shapes are: a few numbers, whatever the file asks for."""
    tensors = [IMAGE, constant(np.zeros(65536)), T((65536 * 50,), None, dtype="int32"), RESULT]
    ops = [O("CONCATENATION", [1] * 50, [2], {"axis": 0}), O("RESHAPE", [0, 2], [3])]
    with pytest.raises(BadInput, match="dimension of 0 or is too large"):
        load(build(tensors, ops, [0], [3]))
