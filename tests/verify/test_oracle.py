"""The oracle: batches, layers, and what it refuses."""

import numpy as np
import pytest
from support.models import O, T, build

from nonn_mcu.errors import BadInput, MissingExtra
from nonn_mcu.verify import oracle

SHAPE = (1, 2, 2, 3)


def model():
    tensors = [T(SHAPE, 0.5, name=f"t{i}") for i in range(4)]
    return build(tensors, [O("ADD", [0, 1], [2]), O("RELU", [2], [3])], [0, 1], [3, 2])


def vectors(count=3):
    rng = np.random.default_rng(0)
    return [rng.integers(-50, 50, (count, *SHAPE[1:]), np.int8) for _ in range(2)]


@pytest.fixture(autouse=True)
def wheel():
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")


@pytest.mark.parametrize("run", [oracle.run, oracle.run_isolated])
def test_a_batch(run):
    a, b = vectors()
    relu, total = run(model(), [a, b])
    np.testing.assert_array_equal(total, a + b)
    np.testing.assert_array_equal(relu, np.maximum(a + b, 0))
    again = run(model(), [a[::-1], b[::-1]])
    np.testing.assert_array_equal(again[0], relu[::-1])


@pytest.mark.parametrize("run", [oracle.run_layers, oracle.run_isolated])
def test_every_layer(run):
    a, b = vectors()
    [total] = run(model(), [a, b], [2])
    assert total.shape == (3, *SHAPE)
    np.testing.assert_array_equal(total[:, 0], a + b)


@pytest.mark.parametrize("run", [oracle.run, oracle.run_isolated])
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (vectors()[:1], "1 inputs given, the model has 2"),
        ([vectors()[0], vectors(2)[1]], "different numbers"),
        ([x.astype(np.int16) for x in vectors()], "int16"),
        ([x[:, 0] for x in vectors()], "must be int8"),
    ],
)
def test_wrong_inputs(run, inputs, message):
    with pytest.raises(BadInput, match=message):
        run(model(), inputs)


@pytest.mark.parametrize("tensor", [0, 99, -1])
def test_only_computed_tensors_are_read(tensor):
    with pytest.raises(BadInput, match="not computed"):
        oracle.run_layers(model(), vectors(), [tensor])


def test_damaged_models():
    for run in (oracle.run, oracle.run_isolated):
        with pytest.raises(BadInput, match="flatbuffer"):
            run(model()[:200], vectors())


def test_what_the_wheel_refuses():
    weights = T((3, 1, 1, 3), None, data=np.ones((3, 1, 1, 3)), dtype="float32")
    conv = O("CONV_2D", [0, 1], [2], {"padding": 1, "strideH": 1, "strideW": 1})
    hybrid = build([T(SHAPE, 0.5), weights, T(SHAPE, 0.5)], [conv], [0], [2])
    with pytest.raises(BadInput, match="TensorFlow Lite Micro"):
        oracle.run_isolated(hybrid, vectors()[:1])


def test_a_crash_is_bad_input(monkeypatch):
    monkeypatch.setattr(oracle, "_COMMAND", ("-c", "import os; os.abort()"))
    with pytest.raises(BadInput, match="crashed"):
        oracle.run_isolated(model(), vectors())


def test_a_hang_is_bad_input(monkeypatch):
    monkeypatch.setattr(oracle, "_COMMAND", ("-c", "import time; time.sleep(60)"))
    with pytest.raises(BadInput, match="did not finish"):
        oracle.run_isolated(model(), vectors(), seconds=0.5)


def test_without_the_wheel(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "tflite_micro.python.tflite_micro", None)
    oracle._interpreter.cache_clear()
    with pytest.raises(MissingExtra, match="pip install"):
        oracle.run(model(), vectors())
