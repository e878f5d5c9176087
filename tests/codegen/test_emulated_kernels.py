"""Every kernel of a kind of core against the oracle, on that core: random layers, guards, every level."""

import os
import shutil
from collections import Counter

import numpy as np
import pytest
from support.emulated import CLANG, CORES, compile_models, kernel_objects
from support.layers import DRAWS
from support.single_op import random_cases

from nonn_mcu.codegen.select import TABLE
from nonn_mcu.verify import oracle

pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")

BOARDS = ("mps2-an386", "mps3-an547")
QUICK, BATCH = 25, 150  # layers of each kind; layers in one program of the campaign


@pytest.fixture(scope="module")
def objects(tmp_path_factory):
    """Give every kernel's object file by board and level."""
    made = {}

    def give(board, level):
        if (board, level) not in made:
            folder = tmp_path_factory.mktemp(f"{board}{level}")
            made[board, level] = kernel_objects(board, folder, (f"-{level}",))
        return made[board, level]

    return give


def run_cases(cases, folder, board, kernels, *, level="O2", goal="balance"):
    """Compare every output byte; the number of layers that each kernel took."""
    program = compile_models(
        [case.model for case in cases], folder, board, kernels, flags=(f"-{level}",), goal=goal
    )
    runs = [
        (number, [array[v] for array in case.inputs])
        for number, case in enumerate(cases)
        for v in range(len(case.inputs[0]))
    ]
    results = iter(program.run(runs))
    for number, case in enumerate(cases):
        (wanted,) = oracle.run(case.model, case.inputs)
        for v in range(len(case.inputs[0])):
            (made,) = next(results)
            wrong = np.argwhere(made.reshape(wanted[v].shape) != wanted[v])
            compiled = program.generated[number].compiled[CORES[board][0].name]
            assert len(wrong) == 0, f"{case.about}, vector {v}: {len(wrong)} differ\n{compiled.layers}"
    target = CORES[board][0].name
    return Counter(made.compiled[target].layers[0].kernel for made in program.generated)


@pytest.mark.parametrize("board", BOARDS)
def test_random_layers(board, objects, tmp_path):
    cases = [case for seed, make in enumerate(DRAWS.values()) for case in random_cases(make, seed, QUICK)]
    taken = run_cases(cases, tmp_path, board, objects(board, "O2"))
    wanted = {row.kernel for row in TABLE if row.target == CORES[board][0].name}
    assert not {kernel for kernel in wanted if taken[kernel] < 3}, taken


@pytest.mark.long
@pytest.mark.parametrize("board", [*BOARDS, "mps2-an500"])
@pytest.mark.parametrize("level", ["Os", "O2", "O3", "Ofast"])
@pytest.mark.parametrize("goal", ["size", "speed"])
def test_every_level_and_goal(goal, level, board, objects, tmp_path):
    cases = [case for seed, make in enumerate(DRAWS.values()) for case in random_cases(make, 100 + seed, 12)]
    run_cases(cases, tmp_path, board, objects(board, level), level=level, goal=goal)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("clang") is None, reason="needs clang, Debian's package of that name")
@pytest.mark.parametrize("board", BOARDS)
@pytest.mark.parametrize("level", ["Os", "O2", "O3", "Ofast"])
def test_kernels_by_clang(level, board, tmp_path):
    """Linked with models that GCC compiles: the calling convention is the same too."""
    cases = [case for seed, make in enumerate(DRAWS.values()) for case in random_cases(make, 200 + seed, 12)]
    (tmp_path / "kernels").mkdir()
    kernels = kernel_objects(board, tmp_path / "kernels", (f"-{level}",), CLANG)
    run_cases(cases, tmp_path, board, kernels, level=level)


@pytest.mark.long
@pytest.mark.parametrize("kind", DRAWS)
@pytest.mark.parametrize("board", BOARDS)
def test_campaign(board, kind, objects, tmp_path):
    """NONN_CAMPAIGN layers (default 150) of a kind, on 350 vectors each: a million cases on both cores."""
    count = int(os.environ.get("NONN_CAMPAIGN", "150"))
    taken = Counter()
    for start in range(0, count, BATCH):
        numbers = range(start, min(start + BATCH, count))
        cases = random_cases(DRAWS[kind], 1000, numbers, vectors_each=350)
        taken += run_cases(cases, tmp_path / str(start), board, objects(board, "O2"))
    print(board, kind, dict(taken))  # noqa: T201 - for the campaign's record
