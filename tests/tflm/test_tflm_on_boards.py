"""The TensorFlow Lite Micro firmware with the real library: every model, core and kernel library, verified.

Needs TFLM_ROOT, a tree with libraries for the boards' cores (docs/tflm.md). The long campaign runs every
combination; the quick slice the small models.
"""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import pytest
from support.boards import need

from nonn_mcu.boards.runtime import KERNELS

NONN_MCU = Path(sys.executable).parent / "nonn-mcu"
BOARDS = ("mps2-an386", "mps2-an500", "mps3-an547")
# model -> vectors, each run twice; the large ones take seconds an inference under emulation
MODELS = {"digits": 20, "ad01": 20, "kws01": 10, "ic01": 5, "vww01": 5, "resnet56": 2}
QUICK = {("digits", "mps2-an386"), ("ad01", "mps3-an547")}


def cases():
    for model, board, kernels in itertools.product(MODELS, BOARDS, KERNELS):
        marks = [] if (model, board) in QUICK and kernels == "cmsis_nn" else [pytest.mark.long]
        yield pytest.param(model, board, kernels, marks=marks, id=f"{model}-{board}-{kernels}")
    yield pytest.param("digits", "host", "reference", id="digits-host-reference")


@pytest.mark.parametrize(("model", "board", "kernels"), cases())
def test_device_output_equals_the_oracle(model, board, kernels, converted, tflm_root):
    need(board)
    command = [NONN_MCU, "verify", converted(model), "--board", board, "--runtime", "tflm"]
    command += ["--tflm-root", tflm_root, "--kernels", kernels, "--vectors", str(MODELS[model]), "--json"]
    layers = ["--layers"] if model in {"digits", "ad01"} else []
    done = subprocess.run([*command, *layers, "--timeout", "300"], capture_output=True, check=False)
    assert done.returncode == 0, done.stdout.decode() + done.stderr.decode()
    (device,) = json.loads(done.stdout)["devices"]
    assert device["device"]["runtime"] == f"tflm-{kernels}"
    assert device["conformance"]["vectors"] == MODELS[model]
    assert device["conformance"]["mismatching_values"] == 0
    if layers:
        assert device["layers"]["divergence"] is None
