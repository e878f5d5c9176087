"""The contract every operator is held to: generated C equals the oracle, byte for byte, on many cases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.host import compile_models

from nonn_mcu.codegen.reader import read
from nonn_mcu.verify import oracle

QUICK, LONG = 30, 1000  # cases per operator in make test and in the long campaign


@dataclass(frozen=True)
class Case:
    """One model and the int8 vectors to run it on: ``inputs[i]`` is (N, *shape[1:])."""

    model: bytes
    inputs: Sequence[np.ndarray]
    about: str = ""


def vectors(rng: np.random.Generator, model: bytes, count: int = 4) -> list[np.ndarray]:
    """Inputs for a model: all -128, all 127, alternating extremes, then uniform noise."""
    graph = read(model)
    result = []
    for index in graph.inputs:
        shape = (count, *graph.tensors[index].shape[1:])
        values = rng.integers(-128, 128, shape, np.int8)
        values[0] = -128
        values[1] = 127
        values[2] = rng.choice(np.array([-128, 127], np.int8), shape[1:])
        result.append(values)
    return result


def random_cases(
    make: Callable[[np.random.Generator], bytes], seed: int, numbers: int | range, vectors_each: int = 4
) -> list[Case]:
    """Cases 0 to ``numbers``, or those of a range, from a function that draws a model.

    Case n is the same whatever the others.
    """
    cases = []
    for number in range(numbers) if isinstance(numbers, int) else numbers:
        rng = np.random.default_rng([seed, number])
        model = make(rng)
        cases.append(Case(model, vectors(rng, model, vectors_each), f"seed {seed}, case {number}"))
    return cases


def check_cases(cases: Sequence[Case], folder: Path, kernels: Sequence[str]) -> None:
    """Compile all cases, run them under the sanitizers, compare every output byte with the oracle."""
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    program = compile_models([case.model for case in cases], folder, kernels)
    runs = [
        (number, [array[v] for array in case.inputs])
        for number, case in enumerate(cases)
        for v in range(len(case.inputs[0]))
    ]
    results = iter(program.run(runs))
    for number, case in enumerate(cases):
        expected = oracle.run(case.model, case.inputs)
        for v in range(len(case.inputs[0])):
            for made, wanted in zip(next(results), expected, strict=True):
                made_bytes = made.reshape(wanted[v].shape)
                wrong = np.argwhere(made_bytes != wanted[v])
                assert len(wrong) == 0, (
                    f"{case.about or number}, vector {v}: {len(wrong)} of {made.size} differ, first at "
                    f"{wrong[0].tolist()}: {made_bytes[tuple(wrong[0])]}, not {wanted[v][tuple(wrong[0])]}\n"
                    f"{program.generated[number].reference.layers}"
                )
