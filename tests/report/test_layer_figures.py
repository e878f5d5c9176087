"""Figures of layers against what numpy makes of the same tensors, and the file that holds them."""

import json

import numpy as np
import pytest
from support.models import O, T, build

from nonn_mcu.bundle import TensorInfo
from nonn_mcu.convert.diagnose import first_below
from nonn_mcu.convert.int8 import Int8
from nonn_mcu.convert.layer_figures import measure
from nonn_mcu.convert.runtimes import generate
from nonn_mcu.errors import BadInput
from nonn_mcu.report import figures as files
from nonn_mcu.verify import oracle
from nonn_mcu.verify.fidelity import sqnr_db

WIDE, INNER, OUT = 6, 5, 3
INPUT = 0.05
# the first layer's range is too small for it: some values saturate
HIDDEN = (0.004, -20)
LOGITS = (0.02, 5)


@pytest.fixture(scope="module")
def weights():
    rng = np.random.RandomState(3)
    return rng.uniform(-0.5, 0.5, (INNER, WIDE)), rng.uniform(-0.5, 0.5, (OUT, INNER))


@pytest.fixture(scope="module")
def quantised(weights):
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    steps = [np.abs(filters).max() / 127 for filters in weights]
    held = [np.rint(filters / step).astype(np.int8) for filters, step in zip(weights, steps, strict=True)]
    dense = {"keepNumDims": False}
    ops = [O("FULLY_CONNECTED", [0, 1], [2], dense), O("FULLY_CONNECTED", [2, 3], [4], dense)]
    model = build(
        [
            T((1, WIDE), INPUT, 0, name="input"),
            T((INNER, WIDE), steps[0], data=held[0], name="first/weight"),
            T((1, INNER), *HIDDEN, name="/first/Gemm"),
            T((OUT, INNER), steps[1], data=held[1], name="second/weight"),
            T((1, OUT), *LOGITS, name="/second/Gemm"),
        ],
        ops, [0], [4],
    )  # fmt: skip
    exact = [filters.astype(np.float32) for filters in weights]
    twin = build(
        [
            T((1, WIDE), None, dtype="float32", name="input"),
            T((INNER, WIDE), None, data=exact[0], dtype="float32"),
            T((1, INNER), None, dtype="float32"),
            T((OUT, INNER), None, data=exact[1], dtype="float32"),
            T((1, OUT), None, dtype="float32"),
        ],
        ops, [0], [4],
    )  # fmt: skip

    def info(name, size, scale, zero_point=0):
        return TensorInfo(
            name=name,
            shape=(1, size),
            scale=scale,
            zero_point=zero_point,
            torch_shape=(1, size),
            from_torch=(0, 1),
        )

    return Int8(
        model, (info("input", WIDE, INPUT),), (info("output", OUT, *LOGITS),), "", twin=twin, steps=()
    )


@pytest.fixture(scope="module")
def layers(quantised):
    return generate(quantised, "two", "native", None, None).layers


@pytest.fixture(scope="module")
def x():
    return np.random.RandomState(4).uniform(-2, 2, (8, WIDE)).astype(np.float32)


def test_the_figures_are_those_of_the_tensors(quantised, layers, weights, x):
    found = measure(quantised, layers, x)
    q = np.clip(np.rint(x / np.float32(INPUT)), -128, 127).astype(np.int8)
    held = oracle.run_layers(quantised.model, [q], [layer.tensor for layer in layers])
    exact = [x @ weights[0].T, x @ weights[0].T @ weights[1].T]
    assert found.samples == 8
    for layer, one, int8, real, (scale, zero_point) in zip(
        layers, found.layers, held, exact, (HIDDEN, LOGITS), strict=True
    ):
        steps = int8.reshape(real.shape).astype(float)
        assert one.sqnr_db == pytest.approx(sqnr_db(real, scale * (steps - zero_point)), abs=0.01)
        assert (one.low, one.high) == pytest.approx((real.min(), real.max()), rel=1e-4)
        assert one.used == (steps.max() - steps.min()) / 255
        low, high = (scale * (end - zero_point) for end in (-128.5, 127.5))
        assert one.saturated == np.mean((real < low) | (real > high))
        assert layer.scale == pytest.approx(scale)
    assert found.layers[0].saturated > 0.1 and found.layers[1].saturated == 0
    assert found.weakest == 0
    for one, filters in zip(found.weights, weights, strict=True):
        assert (one.low, one.high) == pytest.approx((filters.min(), filters.max()), abs=0.005)
        assert one.scales == 1


def test_without_samples_only_the_weights_are_known(quantised, layers):
    found = measure(quantised, layers, None, ("a note",))
    assert (found.samples, found.layers, found.weakest) == (0, (None, None), None)
    assert all(found.weights) and found.notes == ("a note",)


def test_a_refused_conversion_names_the_first_layer_below_the_floor(quantised, layers, x):
    assert first_below(quantised, layers, x[:1] / 4) == ""
    assert first_below(quantised, layers, 40 * x[:1]).startswith(
        f" (lost at layer {layers[0].name}, FULLY_CONNECTED: "
    )


def test_figures_come_back_from_the_file(quantised, layers, x, tmp_path):
    found = measure(quantised, layers, x)
    (tmp_path / files.FILE).write_text(json.dumps({"figures": found.model_dump(mode="json")}))
    assert files.read(tmp_path, 2) == found
    with pytest.raises(BadInput, match=r"report\.json: figures of other than 3 layers"):
        files.read(tmp_path, 3)


@pytest.mark.parametrize(
    "text",
    ["", "[]", "{}", '{"figures": {}}', '{"figures": 1}', '{"figures": {"samples": NaN}}', "[" * 10**5],
)
def test_a_damaged_file_is_one_clear_line(text, tmp_path):
    (tmp_path / files.FILE).write_text(text)
    with pytest.raises(BadInput, match=r"report\.json: .*run convert again$"):
        files.read(tmp_path, 2)
