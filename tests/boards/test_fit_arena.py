"""The arena fitted on the emulated board: the search itself, and with a real library where there is one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.boards import need

from nonn_mcu import bundle
from nonn_mcu.boards.fit_arena import MARGIN, STEP, smallest
from nonn_mcu.cli import main

sizes = st.integers(1, 20_000).map(lambda units: units * STEP)


@given(enough=sizes, share=st.floats(0, 1), near=st.integers(0, 400_000))
def test_the_search_finds_the_smallest_and_asks_no_size_twice(enough, share, near):
    least = max(STEP, int(enough * share) // STEP * STEP)
    asked = []

    def fits(size):
        assert 0 < size < enough and size % STEP == 0
        asked.append(size)
        return size >= least

    assert smallest(near, enough, fits) == least
    assert len(asked) == len(set(asked)) <= 40


@pytest.mark.parametrize(("used", "builds"), [(5008, 2), (4992, 3), (4944, 7), (5056, 7)])
def test_a_good_guess_takes_few_builds(used, builds):
    asked = []

    def fits(size):
        asked.append(size)
        return size >= 5008

    assert smallest(used, 6400, fits) == 5008
    assert len(asked) <= builds


@pytest.fixture
def pocket(tmp_path):
    """A bundle that the test may change."""
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.bundles import make_bundle

    return make_bundle(tmp_path / "pocket")


# options, what the line says
REFUSED = [
    (["--board", "mps2-an386"], "--fit-arena is for --runtime tflm"),
    (["--board", "pico", "--runtime", "tflm", "--tflm-root", "."], "pico is no emulated board"),
]


@pytest.mark.parametrize(("options", "says"), REFUSED)
def test_what_cannot_be_fitted_is_refused_in_one_line(options, says, pocket, capsys):
    assert main(["build", str(pocket.path), "--fit-arena", *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert says in line


def run(capsys, *arguments):
    """The exit code and the JSON of a command."""
    code = main([*map(str, arguments), "--json"])
    return code, json.loads(capsys.readouterr().out)


# board and kernels; the long run has the slower ones
CASES = [
    ("mps2-an386", "cmsis_nn"),
    *(
        pytest.param(case, marks=pytest.mark.long)
        for case in (("mps2-an386", "reference"), ("mps3-an547", "cmsis_nn"), ("host", "reference"))
    ),
]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_fitted_arena_holds_the_model_and_16_bytes_less_do_not(case, pocket, tflm_root, capsys):
    board, kernels = case
    need(board)
    over = ["--board", board, "--runtime", "tflm", "--kernels", kernels, "--tflm-root", tflm_root]
    code, done = run(capsys, "build", pocket.path, *over, "--fit-arena")
    assert code == 0, done["error"]
    again = bundle.read(pocket.path)
    (found,) = again.manifest.tflm.fitted
    assert done["fitted_arena"] == found.model_dump(mode="json")
    assert (found.board, found.kernels, found.margin) == (board, kernels, MARGIN)
    assert found.bytes < pocket.manifest.tflm.arena_bytes
    assert again.manifest.files == pocket.manifest.files
    code, verdict = run(capsys, "verify", pocket.path, *over)
    (device,) = verdict["devices"]
    assert (code, device["stats"]["arena_bytes"]) == (0, found.bytes)
    assert 0 < device["stats"]["arena_used"] <= found.bytes
    claim = found.model_copy(update={"minimum": found.minimum - STEP, "margin": 0})
    tflm = again.manifest.tflm.model_copy(update={"fitted": (claim,)})
    bundle.amend(again, again.manifest.model_copy(update={"tflm": tflm}))
    assert run(capsys, "verify", pocket.path, *over, "--vectors", "2")[0] == 5, "16 bytes less: no start"
