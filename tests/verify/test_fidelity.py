"""Fidelity's figures against hand-computed ones, and in the corners where a ratio has no value."""

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonn_mcu.bundle import Fidelity, TensorInfo
from nonn_mcu.errors import BadInput
from nonn_mcu.verify.fidelity import SQNR_CAP_DB, measure, shortfalls, sqnr_db


def info(scale=0.5, zero_point=0, shape=(1, 2), name="out"):
    return TensorInfo(
        name=name, shape=shape, scale=scale, zero_point=zero_point, torch_shape=shape, from_torch=()
    )


def figures(outputs, reference, **kind):
    one = info(**kind)
    measured = measure(
        [np.array(outputs, np.int8).reshape(-1, *one.shape[1:])],
        [np.array(reference, np.float32).reshape(-1, *one.shape[1:])],
        [one],
    )
    return measured.sqnr_db[0], measured.worst_lsb[0], measured.top1_agreement[0]


CASES = {
    # name: outputs, reference, tensor, (SQNR, worst LSB, top-1)
    "exact": ([2, 4], [1.0, 2.0], {}, (SQNR_CAP_DB, 0.0, 1.0)),
    "one LSB": ([2, 4], [1.0, 1.5], {}, (10 * math.log10(3.25 / 0.25), 1.0, 1.0)),
    "zero point": ([-126, -124], [1.0, 2.0], {"zero_point": -128}, (SQNR_CAP_DB, 0.0, 1.0)),
    "other winner": ([4, 2], [1.0, 2.0], {}, (10 * math.log10(5 / 2), 2.0, 0.0)),
    "half agree": ([4, 2, 2, 4], [2, 1, 2, 1], {}, (10 * math.log10(10 / 2), 2.0, 0.5)),
    "tie goes to the first": ([4, 4], [2.0, 1.9], {}, (10 * math.log10(7.61 / 0.01), 0.2, 1.0)),
    "silent reference, silent device": ([0, 0], [0, 0], {}, (SQNR_CAP_DB, 0.0, 1.0)),
    "silent reference, noisy device": ([0, 1], [0, 0], {}, (-SQNR_CAP_DB, 1.0, 0.0)),
    "constant reference": ([4, 4], [2, 2], {}, (SQNR_CAP_DB, 0.0, 1.0)),
    "huge reference": ([127, 0], [3e38, 0], {"scale": 1e-30}, (0.0, 3e38 / 1e-30, 1.0)),
    "no vectors": ([], [], {}, (SQNR_CAP_DB, 0.0, 1.0)),
}


@pytest.mark.parametrize(("outputs", "reference", "kind", "expected"), CASES.values(), ids=CASES)
def test_figures(outputs, reference, kind, expected):
    assert figures(outputs, reference, **kind) == pytest.approx(expected, rel=1e-5, abs=1e-6)


def test_every_output_has_its_own_figures():
    infos = [info(name="a"), info(name="b", shape=(1, 2, 1, 1))]
    outputs = [np.array([[2, 4]], np.int8), np.array([2, 4], np.int8).reshape(1, 2, 1, 1)]
    references = [np.array([[1, 2]], np.float32), np.array([2, 1], np.float32).reshape(1, 2, 1, 1)]
    measured = measure(outputs, references, infos)
    assert measured.samples == 1
    assert measured.worst_lsb == pytest.approx((0.0, 2.0))
    assert measured.top1_agreement == (1.0, 0.0)


@given(
    st.lists(st.integers(-128, 127), min_size=2, max_size=40).filter(lambda x: len(x) % 2 == 0),
    st.floats(1e-6, 1e6),
    st.integers(-128, 127),
)
def test_figures_always_are_json(values, scale, zero_point):
    result = figures(values, np.zeros(len(values)), scale=scale, zero_point=zero_point)
    assert json.loads(json.dumps(result, allow_nan=False)) == pytest.approx(list(result))


@given(st.floats(1e-3, 1e3), st.floats(0.01, 0.5))
def test_sqnr_does_not_depend_on_the_unit(unit, noise):
    reference = np.array([1.0, -2.0, 3.0])
    actual = reference + noise
    assert sqnr_db(reference * unit, actual * unit) == pytest.approx(sqnr_db(reference, actual))


@pytest.mark.parametrize(
    ("reference", "complaint"),
    [([[1.0, float("nan")]], "NaN"), ([[1.0, float("inf")]], "NaN or infinity"), ([[1.0]], "on the device")],
)
def test_a_useless_reference_is_refused(reference, complaint):
    with pytest.raises(BadInput, match=complaint):
        measure([np.zeros((1, 2), np.int8)], [np.array(reference, np.float32)], [info()])


def one(sqnr, worst, top1):
    return Fidelity(samples=1, sqnr_db=(sqnr,), worst_lsb=(worst,), top1_agreement=(top1,))


@pytest.mark.parametrize(
    ("measured", "words"),
    [
        (one(20, 2, 0.9), []),  # just within
        (one(19.99, 2, 0.9), ["SQNR"]),
        (one(20, 2.01, 0.9), ["LSB"]),
        (one(20, 2, 0.89), ["top-1"]),
        (one(-200, 99, 0), ["SQNR", "LSB", "top-1"]),
    ],
)
def test_shortfalls_name_each_figure(measured, words):
    found = shortfalls(measured, one(20, 2, 0.9), [info()])
    assert len(found) == len(words)
    assert all(word in text and "output out" in text for word, text in zip(words, found, strict=True))


def test_a_vector_for_conformance_alone_does_not_count():
    outputs = np.array([[10, 20], [30, 40], [-128, 127]], np.int8)
    reference = outputs.astype(np.float32) * 0.5
    reference[2] = np.nan
    measured = measure([outputs], [reference], [info()])
    assert (measured.samples, measured.sqnr_db) == (2, (SQNR_CAP_DB,))
    reference[1, 0] = np.nan
    with pytest.raises(BadInput, match="NaN"):
        measure([outputs], [reference], [info()])
