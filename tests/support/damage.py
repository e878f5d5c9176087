"""Operators with one number changed are refused in one line, or run within bounds and as the oracle does."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from support.reshaped import Single
from support.single_op import Case, check_cases, vectors

from nonn_mcu.codegen import generate
from nonn_mcu.errors import BadInput


def check_damaged(
    draw: Callable[[np.random.Generator], Single], seed: int, count: int, folder: Path, kernels: Sequence[str]
) -> None:
    """Draw ``count`` operators, damage each, and compare those that are still accepted with the oracle."""
    accepted = []
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        model = damaged(rng, draw(rng)).model()
        try:
            generate(model, "model")
        except BadInput as error:
            assert "\n" not in str(error)
        else:
            accepted.append(Case(model, vectors(rng, model), f"damaged, seed {seed}, case {number}"))
    assert 0 < len(accepted) < count
    check_cases(accepted, folder, kernels)


def damaged(rng: np.random.Generator, whole: Single) -> Single:
    """Return the operator with one number of it changed: an option, a constant, or the output's shape."""
    places = [("output", axis) for axis in range(len(whole.output.shape))]
    places += [("option", key) for key, value in whole.options.items() if isinstance(value, bool | int)]
    constants = [(i, t.data.size) for i, t in enumerate(whole.inputs) if t.data is not None]
    places += [(i, element) for i, size in constants for element in range(size)]
    place, key = places[rng.integers(len(places))]
    if place == "output":
        shape = list(whole.output.shape)
        shape[key] = max(1, min(500, _strange(rng, shape[key])))
        return replace(whole, output=replace(whole.output, shape=tuple(shape)))
    if place == "option":
        value = whole.options[key]
        strange = not value if isinstance(value, bool) else _strange(rng, value)
        if key == "padding":
            strange = 1 - value
        return replace(whole, options={**whole.options, key: strange})
    tensor = whole.inputs[place]
    data = tensor.data.copy()
    limits = np.iinfo(data.dtype)
    data.reshape(-1)[key] = max(limits.min, min(limits.max, _strange(rng, int(data.reshape(-1)[key]))))
    inputs = [replace(t, data=data) if i == place else t for i, t in enumerate(whole.inputs)]
    return replace(whole, inputs=inputs)


def _strange(rng: np.random.Generator, value: int) -> int:
    near = value + int(rng.integers(-5, 6))
    far = [-(1 << 31), -(1 << 16), -1, 0, 1, 1 << 16, (1 << 31) - 1]
    choices = [near, near, value + 1, value - 1, -value, 2 * value, *far]
    return max(-(1 << 31), min((1 << 31) - 1, choices[rng.integers(len(choices))]))
