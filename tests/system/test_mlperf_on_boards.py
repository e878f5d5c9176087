"""Text commands on whole firmware: the runner's ways, the oracle's results, and verify between."""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.boards import STUB, need
from support.mlperf import CASES, CHUNK, ENERGY_CHUNK, Facts, Runner, printed, steps

from nonn_mcu import bundle as bundles
from nonn_mcu.boards.board import Board
from nonn_mcu.boards.build import build
from nonn_mcu.boards.runtime import NATIVE, Runtime, choose
from nonn_mcu.boards.start import start
from nonn_mcu.link.client import Device

VECTORS = 3
STUB_BYTES = 8
# model, board, whether the input is kept
QUICK = [("digits", "host", True), ("digits", "mps2-an386", False), ("ad01", "mps2-an386", True)]
LONG = [
    (model, board, keep)
    for model in ("digits", "ad01", "kws01", "ic01", "vww01")
    for board, keep in (("host", True), ("mps2-an386", True), ("mps3-an547", model == "ad01"))
    if (model, board, keep) not in QUICK
]


def raw(q: np.ndarray, zero_point: int) -> bytes:
    """An input as the benchmark's files have it: unsigned where the zero point is -128."""
    return (q.view(np.uint8) ^ (0x80 if zero_point == -128 else 0)).tobytes()


def verify(bundle: Path, port: str) -> None:
    command = [Path(sys.executable).parent / "nonn-mcu", "verify", bundle, "--json", "--port", port]
    done = subprocess.run([*command, "--vectors", str(VECTORS)], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    (device,) = json.loads(done.stdout)["devices"]
    assert device["conformance"]["vectors"] == VECTORS
    assert device["link"]["damaged"] == device["link"]["corrupt"] == 0


def check_results(found: list[float], manifest, q: np.ndarray, output: np.ndarray) -> None:
    (image,), (out,) = manifest.inputs, manifest.outputs
    if manifest.name.startswith("ad01"):
        reals = [
            (values.reshape(-1).astype(float) - info.zero_point) * np.float32(info.scale).astype(float)
            for values, info in ((q, image), (output, out))
        ]
        assert found == pytest.approx([((reals[0] - reals[1]) ** 2).mean()], rel=1e-6, abs=0.0006)
    else:
        assert found == printed(output, out.scale, out.zero_point)


def as_floats(q: np.ndarray, info) -> bytes:
    return ((q.astype(np.float32) - info.zero_point) * np.float32(info.scale)).astype("<f4").tobytes()


def run_vectors(runner: Runner, opened: bundles.Bundle, keep: bool) -> None:
    """Load and infer as the runner does, the last one as floats if it is small."""
    manifest, vectors = opened.manifest, opened.vectors()
    (info,) = manifest.inputs
    times, warmups = (2, 1) if keep else (1, 0)
    for number in range(VECTORS):
        q = vectors.inputs[0][number]
        small = number == VECTORS - 1 and q.size < 1000
        runner.load(as_floats(q, info) if small else raw(q, info.zero_point))
        answer = runner.infer(times, warmups)
        start_lines = [f"m-warmup-start-{warmups}", "m-warmup-done", f"m-infer-start-{times}"]
        assert answer.lines[:3] == start_lines
        assert len(answer.laps) == 2 and answer.laps[0] < answer.laps[1]
        check_results(answer.results, manifest, q, vectors.outputs[0][number])
        assert runner.ask("results").results == answer.results
        again = runner.infer(1, 0)
        assert again.results == answer.results if keep else "--keep-input" in again.lines[0]


@pytest.mark.parametrize(
    ("model", "board", "keep"), [*QUICK, *(pytest.param(*case, marks=pytest.mark.long) for case in LONG)]
)
def test_the_runner_gets_the_oracles_results(model, board, keep, converted, tmp_path):
    run_sessions(converted(model), model, need(board), NATIVE, keep=keep, folder=tmp_path)


@pytest.mark.parametrize("keep", [True, False], ids=["kept", "once"])
def test_the_runner_gets_them_over_tflm(keep, converted, tflm_root, tmp_path):
    board = need("mps2-an386")
    run_sessions(
        converted("digits"), "digits", board, choose("tflm", board, tflm_root), keep=keep, folder=tmp_path
    )


def run_sessions(
    bundle: Path, model: str, board: Board, runtime: Runtime, *, keep: bool, folder: Path
) -> None:
    """One session for either length of command, each with a verify behind it."""
    opened = bundles.read(bundle)
    options = {"runtime": runtime, "keep_input": keep, "sanitize": board.name == "host"}
    made = build(bundle, board, out=folder / "firmware", **options)
    profile = ["m-profile-[ULPMark for tinyML Firmware V0.0.1]", f"m-model-[{model}]", "m-ready"]
    with start(made.board, made.path) as running:
        for chunk in (CHUNK, ENERGY_CHUNK):
            with Runner(running.port, chunk) as runner:
                runner.quiet(0.1)
                assert runner.ask("name").lines == [f"m-name-dut-[nonn-mcu {board.name}]", "m-ready"]
                assert runner.ask("profile").lines == profile
                assert runner.ask("results").lines[0].startswith("e-[No results")
                run_vectors(runner, opened, keep)
            verify(bundle, running.port)


@pytest.mark.parametrize("board", ["host", "mps2-an386", pytest.param("mps3-an547", marks=pytest.mark.long)])
def test_every_case_on_a_board(board, tmp_path):
    """The table of tests/link/test_mlperf_cases.py, on one line from the first case to the last."""
    made = build(STUB, need(board), out=tmp_path / "firmware", sanitize=board == "host")
    facts = Facts(board, "stub", STUB_BYTES, survives=True)
    with start(made.board, made.path) as running, Runner(running.port) as runner:
        runner.quiet(0.1)
        for case in CASES:
            runner.ask("name")
            runner.ask("db load 0")  # forgets what was loaded
            for sent, reply in steps(case, facts) if facts.fits(case) else ():
                runner.raw(sent)
                found = b""
                while found.count(b"m-ready\r\n") < sent.count(b"%"):
                    more = runner.some()
                    assert more, (case["name"], found)
                    found += more
                assert re.fullmatch(reply, found), (case["name"], found)


def test_text_and_frames_take_turns_on_one_line(converted, tmp_path):
    """Neither reports what the other computed, and each is right however they are mixed."""
    bundle = converted("digits")
    opened = bundles.read(bundle)
    (info,), (out,) = opened.manifest.inputs, opened.manifest.outputs
    vectors = opened.vectors()
    made = build(bundle, need("host"), out=tmp_path / "firmware", keep_input=True, sanitize=True)
    rng = np.random.default_rng(1)
    with (
        start(made.board, made.path) as running,
        Runner(running.port) as runner,
        Device.open(running.port) as device,
    ):
        runner.quiet(0.1)
        for _ in range(30):
            first, second = rng.integers(len(vectors.inputs[0]), size=2)
            runner.ask("name")
            runner.load(raw(vectors.inputs[0][first], info.zero_point))
            if rng.random() < 0.5:  # frames that change nothing
                device.hello()
                device.stats()
                runner.ask("name")
            results = runner.infer(2, 0).results
            assert results == printed(vectors.outputs[0][first], out.scale, out.zero_point)
            (found,) = device.run([vectors.inputs[0][second][None]])
            np.testing.assert_array_equal(found.reshape(-1), vectors.outputs[0][second].reshape(-1))
            runner.ask("name")
            assert runner.ask("results").lines[0].startswith("e-[No results")
            assert runner.ask("infer 1 0").lines[0].startswith("e-[No input")


def test_without_the_text_commands_only_frames_are_answered(tmp_path):
    made = build(STUB, need("host"), out=tmp_path / "firmware", mlperf=False, sanitize=True)
    assert b"m-ready" not in made.path.read_bytes()
    with start(made.board, made.path) as running, Device.open(running.port) as device:
        device.port.write(b"name%")
        assert device.hello().model == "stub"
        assert device.stats().frames == 2
