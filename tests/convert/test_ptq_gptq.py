"""Rounding that makes up for itself, on numbers alone."""

import numpy as np
import pytest

from nonn_mcu.convert.ptq.gptq import gptq


def layer(outputs, depth, samples, seed):
    """Weights, their steps, and inputs that depend on one another, as neighbours in an image do."""
    rng = np.random.default_rng(seed)
    weights = rng.standard_normal((outputs, depth))
    x = rng.standard_normal((samples, depth)) @ (np.eye(depth) + rng.standard_normal((depth, depth)) / 4)
    return weights, np.abs(weights).max(axis=1) / 127, x


def error(weights, scales, rounded, x):
    return np.sum(np.square((weights - scales[:, None] * rounded) @ x.T))


@pytest.mark.parametrize(("outputs", "depth", "share"), [(1, 9, 1), (16, 27, 0.7), (8, 144, 0.7)])
def test_the_output_errs_less_than_with_the_nearest(outputs, depth, share):
    weights, scales, x = layer(outputs, depth, 1000, depth)
    made = gptq(weights, scales, x.T @ x)
    nearest = np.rint(weights / scales[:, None])
    assert error(weights, scales, made, x) < share * error(weights, scales, nearest, x)


def test_independent_inputs_leave_the_nearest():
    weights, scales, _ = layer(6, 20, 1, 0)
    made = gptq(weights, scales, np.diag(np.arange(1.0, 21)))
    assert np.array_equal(made, np.rint(weights / scales[:, None]))


def test_weights_on_the_grid_stay():
    _, _, x = layer(1, 12, 100, 1)
    whole = np.random.default_rng(2).integers(-127, 128, (5, 12))
    scales = np.array([0.5, 1, 2, 0.25, 3])
    assert np.array_equal(gptq(whole * scales[:, None], scales, x.T @ x), whole)


def test_never_beyond_the_narrow_range_and_the_same_each_time():
    weights, scales, x = layer(8, 30, 20, 3)  # fewer samples than inputs: the matrix is singular
    made = gptq(weights, scales / 2, x.T @ x)  # half of the range saturates
    assert made.dtype == np.int8
    assert made.min() == -127
    assert made.max() == 127
    assert np.array_equal(made, gptq(weights, scales / 2, x.T @ x))


def test_inputs_that_are_always_zero():
    weights, scales, _ = layer(4, 9, 1, 4)
    assert np.array_equal(gptq(weights, scales, np.zeros((9, 9))), np.rint(weights / scales[:, None]))
