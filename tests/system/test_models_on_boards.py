"""Whole models on every board: all their golden vectors, twice in shuffled order, byte for byte.

The long campaign runs every model on every board at every optimisation level over 200 vectors; the quick
slice puts each model on each board once, at one level, over a few.
"""

import dataclasses
import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.boards import need

from nonn_mcu.boards.build import OPTIMIZE_LEVELS, build
from nonn_mcu.boards.start import start

BOARDS = ("host", "mps2-an386", "mps2-an500", "mps3-an547")
# model -> vectors in the quick slice; the large ones take seconds an inference under emulation
MODELS = {"digits": 10, "ad01": 10, "kws01": 10, "ic01": 3, "vww01": 1, "resnet56": 1}
VECTORS = 200


def cases():
    for model, (number, board) in itertools.product(MODELS, enumerate(BOARDS)):
        group = pytest.mark.xdist_group(f"{model} {board}")
        quick = OPTIMIZE_LEVELS[(number + list(MODELS).index(model)) % len(OPTIMIZE_LEVELS)]
        yield pytest.param((model, board, quick, MODELS[model]), marks=group, id=f"{model}-{board}-{quick}")
        for level in OPTIMIZE_LEVELS:
            name = f"{model}-{board}-{level}-all"
            yield pytest.param((model, board, level, VECTORS), marks=[group, pytest.mark.long], id=name)


@pytest.mark.parametrize("case", list(cases()))
def test_device_output_equals_the_oracle(case, converted, tmp_path):
    model, board, optimize, vectors = case
    bundle = converted(model)
    made = build(bundle, need(board), optimize, out=tmp_path / "firmware", sanitize=board == "host")
    # Without -icount the emulator is twice as fast; the counter then means nothing, and is not looked at.
    command = tuple(part for part in made.board.command if part not in ("-icount", "shift=0"))
    with start(dataclasses.replace(made.board, command=command), made.path) as running:
        done = subprocess.run(
            [
                *(Path(sys.executable).parent / "nonn-mcu", "verify", bundle, "--json", "--timeout", "120"),
                *("--port", running.port, "--vectors", str(vectors)),
            ],
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    (device,) = json.loads(done.stdout)["devices"]
    assert device["conformance"]["vectors"] == vectors
    assert device["conformance"]["mismatching_values"] == 0
