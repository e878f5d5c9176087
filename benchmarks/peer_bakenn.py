"""bakenn from PyPI: C generated in an environment of its own, behind this project's device library."""

import shutil
import subprocess
import sys
from pathlib import Path
from string import Template

from nonn_mcu.bundle import Bundle
from nonn_mcu.manifest import TensorInfo

VERSION = "1.0.0"
# The kernels that it takes by default, and those that it has for a Cortex-M4.
KERNELS = ("portable", "own M4 kernels")

_GENERATE = """
import sys
import bakenn
model, out, kernels = sys.argv[1:]
options = None
if kernels != "portable":
    options = bakenn.CBackendOptions(
        kernel_policy=bakenn.KernelPolicy.STATIC_PRIORITY, target=bakenn.CORTEX_M4
    )
bakenn.compile_tflite(model, out, name="peer", backend_options=options)
"""

_MODEL = Template("""
#include <stddef.h>
#include "nonn/model.h"
#include "bknn_peer.h"

static uint8_t arena[BKNN_PEER_ARENA_SIZE + 1] __attribute__((aligned(16)));
static int8_t input_arena[BKNN_PEER_INPUT_BYTES] __attribute__((aligned(16)));
static int8_t output_arena[BKNN_PEER_OUTPUT_BYTES] __attribute__((aligned(16)));
static const nonn_tensor tensors[2] = {$tensors};

static int8_t *input_data(uint16_t i) { (void)i; return input_arena; }
static const int8_t *output_data(uint16_t i) { (void)i; return output_arena; }
static int invoke(uint16_t last) {
    (void)last;
    bknn_peer_infer(BKNN_PEER_ARENA_SIZE ? arena : NULL, input_arena, output_arena);
    return 0;
}

const nonn_model_t nonn_model = {
    .name = "peer", .runtime = "bakenn", .arena_bytes = sizeof arena, .input_survives = true,
    .inputs = 1, .outputs = 1, .layers = 1,
    .input = &tensors[0], .output = &tensors[1], .layer = &tensors[1],
    .input_data = input_data, .output_data = output_data, .layer_data = output_data, .invoke = invoke,
};
""")


def environment(folder: Path) -> Path:
    """Give a Python that has bakenn; installs it into ``folder`` the first time."""
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        install = [python, "-m", "pip", "install", "--quiet", f"bakenn[tflite]=={VERSION}"]
        subprocess.run(install, check=True)
    return python


def firmware_of(python: Path, bundle: Bundle, kernels: str, folder: Path) -> Bundle:
    """Generate C for the bundle's model with some of KERNELS, in place of the native runtime's.

    The copy of the bundle at ``folder`` is for building and counting alone. Raises CalledProcessError where
    bakenn refuses the model.
    """
    shutil.rmtree(folder, ignore_errors=True)
    native = folder / "native"
    native.mkdir(parents=True)
    shutil.copy(bundle.path / "vectors.npz", folder)
    model = bundle.path / bundle.manifest.model_file
    subprocess.run([python, "-c", _GENERATE, model, native, kernels], check=True)
    tensors = [_tensor(bundle.manifest.inputs[0]), _tensor(bundle.manifest.outputs[0])]
    (native / "model.c").write_text(_MODEL.substitute(tensors=", ".join(tensors)), encoding="ascii")
    return Bundle(folder, bundle.manifest)


def _tensor(info: TensorInfo) -> str:
    size = 1
    for extent in info.shape:
        size *= extent
    dims = ", ".join(map(str, info.shape))
    return f'{{"t", {size}u, {len(info.shape)}, {{{dims}}}, {info.scale!r}f, {info.zero_point}}}'
