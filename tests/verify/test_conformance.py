"""Byte-for-byte comparison: what counts as wrong, and which value is named first."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nonn_mcu.verify.conformance import RUNS, compare, schedule

SHAPE = (3, 2, 2)  # 3 vectors of a 2x2 output


def expected():
    return np.arange(12, dtype=np.int8).reshape(SHAPE)


def runs_of(want):
    return np.stack([want] * RUNS)


def test_equal_outputs_conform():
    found = compare([expected()], [runs_of(expected())])
    assert found.ok
    assert (found.vectors, found.runs, found.values) == (3, 6, 24)
    assert found.first_mismatch is None
    assert found.lsb_histogram == {0: 24}


@pytest.mark.parametrize("run", range(RUNS))
@pytest.mark.parametrize("vector", range(3))
@pytest.mark.parametrize("place", [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_any_single_wrong_value_is_found_and_named(run, vector, place):
    got = runs_of(expected())
    got[(run, vector, *place)] += 3
    found = compare([expected()], [got])
    assert not found.ok
    assert (found.mismatching_vectors, found.mismatching_values, found.unstable_vectors) == (1, 1, 1)
    assert found.lsb_histogram == {0: 23, 3: 1}
    first = found.first_mismatch
    assert (first.vector, first.run, first.output, first.index) == (vector, run, 0, (0, *place))
    assert first.got == first.expected + 3


def test_the_same_wrong_value_twice_is_stable():
    got = runs_of(expected())
    got[:, 1, 0, 0] -= 1
    found = compare([expected()], [got])
    assert (found.mismatching_vectors, found.mismatching_values, found.unstable_vectors) == (1, 2, 0)


def test_the_largest_difference_does_not_wrap():
    want = np.full((1, 1), -128, np.int8)
    assert compare([want], [np.full((RUNS, 1, 1), 127, np.int8)]).lsb_histogram == {255: 2}


def test_the_first_mismatch_is_of_the_lowest_vector_then_run_then_output():
    got = [runs_of(expected()), runs_of(expected())]
    got[0][0, 2, 0, 0] += 1
    got[1][1, 1, 1, 1] += 1
    got[0][1, 1, 1, 1] += 1
    first = compare([expected()] * 2, got).first_mismatch
    assert (first.vector, first.run, first.output) == (1, 1, 0)


def test_an_output_without_axes():
    want = np.array([1, 2], np.int8)
    first = compare([want], [np.array([[1, 2], [1, 5]], np.int8)]).first_mismatch
    assert (first.vector, first.index, first.expected, first.got) == (1, (0,), 2, 5)


@given(st.integers(1, 50), st.integers(0, 2**63 - 1))
def test_schedule_runs_every_vector_twice_and_repeats(vectors, seed):
    order = schedule(vectors, seed)
    assert sorted(order) == sorted(list(range(vectors)) * RUNS)
    assert (order == schedule(vectors, seed)).all()


def test_schedule_is_shuffled_by_its_seed():
    assert not (schedule(50, 0) == np.sort(schedule(50, 0))).all()
    assert not (schedule(50, 0) == schedule(50, 1)).all()
