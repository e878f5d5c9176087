"""The head on the host equals the oracle, and says in one line what is no head."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from support import draw
from support.models import O, T, build, single_op
from support.single_op import vectors

from nonn_mcu.errors import BadInput
from nonn_mcu.nonn.devices import head
from nonn_mcu.nonn.devices.fuse import joined
from nonn_mcu.verify import oracle

INPUTS = 40


def model(rng: np.random.Generator, gain: float) -> bytes:
    """A head whose multiplier is about ``gain``: shifts to the left, to the right, wrapped, saturated."""
    features, classes = (int(n) for n in rng.integers(1, [70, 12]))
    in_scale, scales = 1.0 if rng.integers(2) else draw.scale(rng), draw.filter_scales(rng, classes)
    tensors = [
        T((1, features), in_scale, -128 if rng.integers(2) else draw.zero_point(rng)),
        T((classes, features), scales, data=draw.weights(rng, (classes, features))),
    ]
    if rng.integers(4):
        scale = float(np.float32(in_scale * scales[0]))
        tensors.append(T((classes,), scale, data=draw.bias(rng, classes), dtype="int32"))
    output = T((1, classes), float(np.float32(in_scale * max(scales) / gain)), draw.zero_point(rng))
    return single_op("FULLY_CONNECTED", tensors, output, fusedActivationFunction=draw.activation(rng))


def check(seed: int, gain: float) -> None:
    rng = np.random.default_rng(seed)
    made = model(rng, gain)
    try:
        read = head.read(made)
    except BadInput:
        assume(False)  # a sum or a multiplier beyond 32 bits
    inputs = vectors(rng, made, INPUTS)
    wanted = oracle.run(made, inputs)[0]
    found = read.run(inputs[0])
    assert found.dtype == np.int8
    np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("examples", [60, pytest.param(5000, marks=pytest.mark.long)])
def test_equals_the_oracle(examples):
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    @given(st.integers(0, 2**32), st.floats(-12, 3).map(lambda power: 10.0**power))
    def run(seed, gain):
        check(seed, gain)

    run()


def dense(*rows: int) -> bytes:
    shape = (3, 4)
    weights = T(shape, 0.1, data=np.ones(shape, np.int8))
    ends = T((1, *rows, 4), 1.0, -128), T((1, *rows, 3), 1.0, 0)
    return single_op("FULLY_CONNECTED", [ends[0], weights], ends[1], keepNumDims=bool(rows))


def two() -> bytes:
    def weights(*shape):
        return T(shape, 0.1, data=np.ones(shape, np.int8))

    tensors = [T((1, 4), 1.0), weights(3, 4), T((1, 3), 1.0), weights(2, 3), T((1, 2), 1.0)]
    ops = [O("FULLY_CONNECTED", [0, 1], [2], {}), O("FULLY_CONNECTED", [2, 3], [4], {})]
    return build(tensors, ops, [0], [4])


NO_HEADS = {
    "two layers": (two, "not one FULLY_CONNECTED"),
    "another operator": (
        lambda: single_op("ADD", [T((1, 4), 1.0), T((1, 4), 1.0)], T((1, 4), 1.0)),
        "not one FULLY_CONNECTED",
    ),
    "rows": (lambda: dense(2), "several rows"),
    "noise": (lambda: b"noise, no head", "not a TensorFlow Lite model"),
}


@pytest.mark.parametrize("name", NO_HEADS)
def test_what_is_no_head(name):
    make, says = NO_HEADS[name]
    with pytest.raises(BadInput, match=says):
        head.read(make())


@pytest.mark.parametrize(
    "features", [np.zeros((2, 3), np.int8), np.zeros((2, 4), np.int16), np.zeros(4, np.int8)], ids=str
)
def test_features_that_do_not_fit(features):
    with pytest.raises(BadInput, match="the head takes int8"):
        head.read(dense()).run(features)


MEANS = [np.array([1, 2], np.int8), np.array([-3], np.int8)]


def test_the_means_stand_for_who_is_absent():
    found = joined([None, np.array([[5], [6]], np.int8)], MEANS)
    assert found.tolist() == [[1, 2, 5], [1, 2, 6]]
    shaped = joined([np.arange(4, dtype=np.int8).reshape(2, 1, 1, 2), None], MEANS)
    assert shaped.tolist() == [[0, 1, -3], [2, 3, -3]]


@pytest.mark.parametrize(
    ("features", "says"),
    [
        ([None, None], "no student answered"),
        ([np.zeros((2, 2), np.int8), np.zeros((3, 1), np.int8)], "student 1 gave int8"),
        ([np.zeros((2, 3), np.int8), None], "student 0 gave"),
        ([np.zeros((2, 2), np.float32), None], "student 0 gave float32"),
    ],
)
def test_answers_that_do_not_fit(features, says):
    with pytest.raises(BadInput, match=says):
        joined(features, MEANS)


def test_a_base_install_can_fuse():
    """No TensorFlow, torch, flatbuffers or templates are needed to read a head and to fuse."""
    code = (
        "import sys\n"
        "for name in ('torch', 'tensorflow', 'flatbuffers', 'tflite', 'tflite_micro', 'jinja2', 'networkx',\n"
        "             'onnx', 'sklearn', 'matplotlib', 'lightning_fabric'):\n"
        "    sys.modules[name] = None\n"
        "from nonn_mcu.nonn.devices import fuse, head\n"
        "print(head.read(sys.stdin.buffer.read()).run(__import__('numpy').zeros((1, 4), 'int8')).tolist())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], input=dense(), capture_output=True, check=False)
    assert done.stdout.decode().strip() == str([[51, 51, 51]]), done.stderr.decode()
