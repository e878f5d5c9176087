"""The host's firmware on a Raspberry Pi's processors, under QEMU's user mode: whole models, byte for byte.

These processors differ from the machine that builds in what C leaves open: plain char is unsigned, and on the
32-bit one size_t and long have four bytes.
"""

import json
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from nonn_mcu import boards
from nonn_mcu.boards.start import start

ROOT = Path(__file__).resolve().parents[2]
# core as the device names it -> the compiler's prefix, where the C library for it is too
CORES = {"aarch64": "aarch64-linux-gnu", "arm": "arm-linux-gnueabihf"}
# model -> vectors; the quick run has the digits alone
MODELS = {"digits": 50, "ad01": 200, "kws01": 200, "ic01": 200, "vww01": 50, "resnet56": 10}


def build(bundle, compiler, folder):
    """Compile a bundle's firmware by another compiler than the host's; warnings are errors there."""
    for command in (
        ("-S", ROOT, "-B", folder, f"-DCMAKE_C_COMPILER={compiler}", f"-DNONN_BUNDLE={bundle}"),
        ("--build", folder, "--parallel", "2"),
    ):
        done = subprocess.run(["cmake", *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return folder / "firmware"


@pytest.mark.parametrize("core", CORES)
@pytest.mark.parametrize(
    "model", [pytest.param(name, marks=[pytest.mark.long] * (name != "digits")) for name in MODELS]
)
def test_output_equals_the_oracle(core, model, converted, tmp_path):
    compiler, emulator = f"{CORES[core]}-gcc", f"qemu-{core}"
    missing = [tool for tool in ("cmake", compiler, emulator) if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{core} needs {', '.join(missing)}")
    bundle = converted(model)
    program = build(bundle, compiler, tmp_path / "firmware")
    board = replace(boards.get("host"), command=(emulator, "-L", f"/usr/{CORES[core]}", "{firmware}"))
    with start(board, program) as running:
        done = subprocess.run(
            [
                *(Path(sys.executable).parent / "nonn-mcu", "verify", bundle, "--json", "--layers"),
                *("--port", running.port, "--vectors", str(MODELS[model]), "--timeout", "120"),
            ],
            capture_output=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    (found,) = json.loads(done.stdout)["devices"]
    assert found["device"]["core"] == core
    assert found["conformance"]["vectors"] == MODELS[model]
    assert found["conformance"]["mismatching_values"] == 0
