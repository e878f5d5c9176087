"""Compile generated models for this machine, under the sanitizers, and run them."""

import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from nonn_mcu.codegen import Generated, generate

ROOT = Path(__file__).resolve().parents[2]
FIRMWARE = ROOT / "firmware"
WARNINGS = ("-Wall", "-Wextra", "-Wconversion", "-Werror")
SANITIZERS = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all", "-fno-omit-frame-pointer")
PLAIN = ("-std=c99", "-g0", *WARNINGS, "-I", str(FIRMWARE / "include"))
FLAGS = ("-O1", *PLAIN, *SANITIZERS)
MODELS_PER_UNIT = 50

# Reads, per run: the model's number and its inputs. Writes the outputs or, given an argument, every
# layer's tensor. The inputs must survive where the model says so.
DRIVER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nonn/model.h"

%(declarations)s
static const nonn_model_t *const models[] = {%(addresses)s};

static int8_t *saved_inputs(const nonn_model_t *model, size_t *total) {
    *total = 0;
    for (uint16_t i = 0; i < model->inputs; ++i) {
        *total += model->input[i].bytes;
    }
    return malloc(*total);
}

static void copy_inputs(const nonn_model_t *model, const int8_t *from) {
    for (uint16_t i = 0; i < model->inputs; ++i) {
        memcpy(model->input_data(i), from, model->input[i].bytes);
        from += model->input[i].bytes;
    }
}

static int inputs_equal(const nonn_model_t *model, const int8_t *saved) {
    for (uint16_t i = 0; i < model->inputs; ++i) {
        if (memcmp(model->input_data(i), saved, model->input[i].bytes) != 0) {
            return 0;
        }
        saved += model->input[i].bytes;
    }
    return 1;
}

int main(int argc, char **argv) {
    (void)argv;
    uint32_t number;
    while (fread(&number, sizeof number, 1, stdin) == 1) {
        const nonn_model_t *model = models[number];
        size_t total;
        int8_t *inputs = saved_inputs(model, &total);
        if (fread(inputs, 1, total, stdin) != total) {
            return 3;
        }
        if (argc > 1) {
            for (uint16_t layer = 0; layer < model->layers; ++layer) {
                copy_inputs(model, inputs);
                if (model->invoke(layer) != 0) {
                    return 4;
                }
                fwrite(model->layer_data(layer), 1, model->layer[layer].bytes, stdout);
            }
        } else {
            copy_inputs(model, inputs);
            if (model->invoke((uint16_t)(model->layers - 1)) != 0) {
                return 4;
            }
            if (model->input_survives && !inputs_equal(model, inputs)) {
                return 5;
            }
            for (uint16_t i = 0; i < model->outputs; ++i) {
                fwrite(model->output_data(i), 1, model->output[i].bytes, stdout);
            }
        }
        free(inputs);
    }
    return 0;
}
"""


@dataclass(frozen=True)
class Program:
    """A host executable that holds these models."""

    path: Path
    generated: tuple[Generated, ...]

    def run(
        self, runs: Sequence[tuple[int, Sequence[np.ndarray]]], layers: bool = False
    ) -> list[list[np.ndarray]]:
        """Run (model number, its inputs) one after the other; the outputs, or every layer's tensor."""
        feed = b"".join(
            np.uint32(number).tobytes() + b"".join(np.ascontiguousarray(x, np.int8).tobytes() for x in inputs)
            for number, inputs in runs
        )
        command = [str(self.path), *(["layers"] if layers else [])]
        done = subprocess.run(command, input=feed, capture_output=True, check=False)
        assert done.returncode == 0, f"exit code {done.returncode}\n{done.stderr.decode()}"
        results, position = [], 0
        for number, _ in runs:
            made = self.generated[number]
            indices = [layer.tensor for layer in made.reference.layers] if layers else made.graph.outputs
            row = []
            for tensor in (made.graph.tensors[index] for index in indices):
                data = done.stdout[position : position + tensor.size]
                row.append(np.frombuffer(data, np.int8).reshape(tensor.shape))
                position += tensor.size
            results.append(row)
        assert position == len(done.stdout)
        return results


def kernel_objects(folder: Path, flags: Sequence[str] = FLAGS, compiler: str = "gcc") -> list[str]:
    """Compile every portable kernel into ``folder``, one process per processor."""
    sources = sorted((FIRMWARE / "kernels" / "portable").glob("*.c"))
    objects = [folder / f"{source.stem}.o" for source in sources]
    parallel([compiler, *flags, "-c", str(s), "-o", str(o)] for s, o in zip(sources, objects, strict=True))
    return [str(o) for o in objects]


def compile_models(
    models: Sequence[bytes], folder: Path, kernels: Sequence[str], flags: Sequence[str] = FLAGS
) -> Program:
    """Generate, compile and link; ``kernels`` are the object files of :func:`kernel_objects`, same flags."""
    generated, units = [], []
    for start in range(0, len(models), MODELS_PER_UNIT):
        lines = []
        for number in range(start, min(start + MODELS_PER_UNIT, len(models))):
            made = generate(models[number], "model", prefix=f"m{number}_")
            generated.append(made)
            place = folder / f"m{number}"
            place.mkdir(parents=True, exist_ok=True)
            for name, text in made.files.items():
                (place / Path(name).name).write_text(text)
            lines.append(f'#include "m{number}/m{number}_model.c"')
        units.append(folder / f"unit_{start}.c")
        units[-1].write_text("\n".join(lines) + "\n")
    names = [f"m{number}_nonn_model" for number in range(len(models))]
    driver = folder / "driver.c"
    declarations = "".join(f"extern const nonn_model_t {name};\n" for name in names)
    addresses = ", ".join(f"&{name}" for name in names)
    driver.write_text(DRIVER % {"declarations": declarations, "addresses": addresses})
    objects = [unit.with_suffix(".o") for unit in (*units, driver)]
    parallel(["gcc", *flags, "-c", str(o.with_suffix(".c")), "-o", str(o)] for o in objects)
    program = folder / "models"
    parallel([["gcc", *flags, *map(str, objects), *kernels, "-o", str(program)]])
    return Program(program, tuple(generated))


def parallel(commands: object, workers: int = 2) -> None:
    """Run commands, so many at a time; each must succeed."""
    running: list[tuple[list[str], subprocess.Popen[bytes]]] = []
    environment = {**os.environ, "LC_ALL": "C"}

    def finish() -> None:
        command, process = running.pop(0)
        _, errors = process.communicate()
        assert process.returncode == 0, f"{' '.join(command)}\n{errors.decode()}"

    for command in commands:  # type: ignore[attr-defined]
        if len(running) == workers:
            finish()
        running.append((command, subprocess.Popen(command, stderr=subprocess.PIPE, env=environment)))
    while running:
        finish()


@pytest.fixture(scope="session")
def kernels(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Object files of the portable kernels, compiled once for all tests."""
    return kernel_objects(tmp_path_factory.mktemp("kernels"))
