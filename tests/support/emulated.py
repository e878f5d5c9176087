"""Compile generated models for an emulated core, with its own kernels, and run them there.

The program talks to the host by semihosting: it reads runs from one file and writes outputs to another.
Before a run every byte of the arena is filled with a pattern; after it, all bytes that belong neither to a
tensor nor to scratch must still be filled, and so must the other models' arenas around it. Each run is made
twice with different patterns: a read outside of a tensor would show.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from support.host import FIRMWARE, PLAIN, parallel

from nonn_mcu.codegen import Generated, generate
from nonn_mcu.codegen.plan import Plan
from nonn_mcu.target import DSP, HELIUM, Target

GCC = "arm-none-eabi-gcc"
# Debian's clang finds no C library for Arm by itself: newlib's headers are those of GCC's package.
CLANG = ("clang", "--target=arm-none-eabi", "-isystem", "/usr/lib/arm-none-eabi/include")

MODELS_PER_UNIT = 25

_HARD = ("-mfloat-abi=hard", "-fno-tree-vectorize")
CORES = {
    "mps2-an386": (DSP, ("-mcpu=cortex-m4", "-mfloat-abi=soft")),
    "mps2-an500": (DSP, ("-mcpu=cortex-m7", "-mfloat-abi=soft")),
    "mps3-an547": (HELIUM, ("-mcpu=cortex-m55", *_HARD)),
}

SECTIONS = """
ENTRY(nonn_reset)
SECTIONS {
    .vectors : { KEEP(*(.vectors)) } > VECTORS
    .text : { *(.text .text.* .rodata .rodata.*) } > FLASH
    .ARM.exidx : { *(.ARM.exidx*) } > FLASH
    .stack (NOLOAD) : { nonn_stack_bottom = .; . = . + 16K; nonn_stack_top = .; } > RAM
    .data : ALIGN(4) {
        nonn_data_start = .; *(.data .data.*) . = ALIGN(4); nonn_data_end = .;
    } > RAM AT > FLASH
    nonn_data_image = LOADADDR(.data);
    .bss (NOLOAD) : ALIGN(16) {
        nonn_bss_start = .; *(.bss .bss.* COMMON) . = ALIGN(4); nonn_bss_end = .;
    } > RAM
}
"""

DRIVER = r"""
#include <string.h>

#include "nonn/model.h"

typedef struct { uint32_t from, to; } span;
typedef struct { const nonn_model_t *model; int8_t *arena; const span *used; uint32_t spans; } entry;
%(declarations)s
static entry models[%(count)d];

static int32_t call(int32_t operation, const void *block) {
    register int32_t r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = block;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static int32_t open_file(const char *name, uint32_t mode) {
    const uint32_t block[3] = {(uint32_t)name, mode, strlen(name)};
    return call(1, block);
}

static uint32_t transfer(int32_t operation, int32_t file, const void *at, uint32_t bytes) {
    const uint32_t block[3] = {(uint32_t)file, (uint32_t)at, bytes};
    return (uint32_t)call(operation, block); /* bytes that were not transferred */
}

static void leave(uint32_t code) {
    const uint32_t block[2] = {0x20026, code};
    (void)call(0x20, block);
}

static void fill(const entry *one, int8_t pattern) {
    memset(one->arena, pattern, one->model->arena_bytes);
}

/* The first byte that is neither used nor still the pattern, or -1. */
static int32_t spoilt(const entry *one, int8_t pattern, uint32_t spans) {
    uint32_t at = 0;
    for (uint32_t s = 0; s <= spans; ++s) {
        const uint32_t end = s < spans ? one->used[s].from : one->model->arena_bytes;
        for (; at < end; ++at) {
            if (one->arena[at] != pattern) {
                return (int32_t)at;
            }
        }
        if (s < spans && one->used[s].to > at) {
            at = one->used[s].to;
        }
    }
    return -1;
}

static int8_t buffer[%(buffer)d];

static uint32_t run(const entry *one, int8_t pattern) {
    fill(one, pattern);
    const int8_t *from = buffer;
    for (uint16_t i = 0; i < one->model->inputs; ++i) {
        memcpy(one->model->input_data(i), from, one->model->input[i].bytes);
        from += one->model->input[i].bytes;
    }
    if (one->model->invoke((uint16_t)(one->model->layers - 1)) != 0) {
        return 10;
    }
    from = buffer;
    for (uint16_t i = 0; one->model->input_survives && i < one->model->inputs; ++i) {
        if (memcmp(one->model->input_data(i), from, one->model->input[i].bytes) != 0) {
            return 11;
        }
        from += one->model->input[i].bytes;
    }
    return spoilt(one, pattern, one->spans) < 0 ? 0 : 12;
}

int main(void);
int main(void) {
%(fills)s
    const uint32_t count = sizeof models / sizeof *models;
    const int32_t in = open_file("in.bin", 1), out = open_file("out.bin", 5);
    for (uint32_t i = 0; i < count; ++i) {
        fill(&models[i], 0x33);
    }
    uint32_t number;
    while (transfer(6, in, &number, sizeof number) == 0) {
        const entry *one = &models[number];
        uint32_t bytes = 0;
        for (uint16_t i = 0; i < one->model->inputs; ++i) {
            bytes += one->model->input[i].bytes;
        }
        if (bytes > sizeof buffer || transfer(6, in, buffer, bytes) != 0) {
            leave(3);
        }
        for (int again = 0; again < 2; ++again) {
            const uint32_t wrong = run(one, again ? 0x5A : (int8_t)0xA5);
            if (wrong != 0) {
                leave(wrong);
            }
            for (uint16_t i = 0; i < one->model->outputs; ++i) {
                if (transfer(5, out, one->model->output_data(i), one->model->output[i].bytes) != 0) {
                    leave(4);
                }
            }
        }
        fill(one, 0x33);
    }
    for (uint32_t i = 0; i < count; ++i) {
        if (spoilt(&models[i], 0x33, 0) >= 0) {
            leave(13);
        }
    }
    leave(0);
    return 0;
}
"""

_CODES = {
    3: "input could not be read",
    4: "output could not be written",
    10: "invoke failed",
    11: "an input did not survive",
    12: "a byte outside of tensors and scratch was written",
    13: "a byte of another model was written",
}


@dataclass(frozen=True)
class Emulated:
    """A program for an emulated core that holds these models."""

    folder: Path
    board: str
    generated: tuple[Generated, ...]

    def run(self, runs: Sequence[tuple[int, Sequence[np.ndarray]]]) -> list[list[np.ndarray]]:
        """Run (model number, its inputs) one after the other, twice each; the outputs."""
        with (self.folder / "in.bin").open("wb") as feed:
            for number, inputs in runs:
                feed.write(np.uint32(number).tobytes())
                feed.writelines(np.ascontiguousarray(x, np.int8).tobytes() for x in inputs)
        semihosting = ("-semihosting-config", "enable=on,target=native")
        command = ["qemu-system-arm", "-M", self.board, "-nographic", "-monitor", "none", "-serial", "none"]
        done = subprocess.run(
            [*command, *semihosting, "-kernel", "program.elf"],
            cwd=self.folder, capture_output=True, check=False, timeout=3000, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert done.returncode == 0, _CODES.get(done.returncode, done.stderr.decode())
        answer = (self.folder / "out.bin").read_bytes()
        results, position = [], 0
        for number, _ in runs:
            graph = self.generated[number].graph
            sizes = [graph.tensors[index].size for index in graph.outputs]
            first = answer[position : position + sum(sizes)]
            position += sum(sizes)
            again = answer[position : position + sum(sizes)]
            position += sum(sizes)
            assert first == again, f"model {number}: what lies around the tensors is read"
            cuts = np.cumsum(sizes)[:-1].tolist()
            shapes = [graph.tensors[index].shape for index in graph.outputs]
            flat = np.split(np.frombuffer(first, np.int8), cuts)
            results.append([array.reshape(shape) for array, shape in zip(flat, shapes, strict=True)])
        assert position == len(answer)
        return results


def kernel_objects(
    board: str, folder: Path, flags: Sequence[str] = ("-O2",), compiler: Sequence[str] = (GCC,)
) -> list[str]:
    """Compile every kernel and the startup for an emulated core into ``folder``."""
    ports = FIRMWARE / "ports"
    kernels = sorted((FIRMWARE / "kernels").glob("*/*.c"))
    startup = [
        ports / "cortex_m" / name for name in ("startup.c", "systick.c", "cmsdk_uart.c", "small_libc.c")
    ]
    objects = [folder / f"{source.parent.name}_{source.stem}.o" for source in (*kernels, *startup)]
    include = ("-I", str(ports / "cortex_m"), "-I", str(ports / board))
    parallel(
        [*compiler, *_flags(board), *flags, *include, "-c", str(s), "-o", str(o)]
        for s, o in zip((*kernels, *startup), objects, strict=True)
    )
    return [str(o) for o in objects]


def compile_models(
    models: Sequence[bytes],
    folder: Path,
    board: str,
    kernels: Sequence[str],
    *,
    flags: Sequence[str] = ("-O2",),
    goal: str = "balance",
) -> Emulated:
    """Generate, compile and link; ``kernels`` are the object files of :func:`kernel_objects`."""
    target = CORES[board][0]
    generated, units, names = [], [], []
    for start in range(0, len(models), MODELS_PER_UNIT):
        lines = []
        for number in range(start, min(start + MODELS_PER_UNIT, len(models))):
            made = generate(models[number], "model", prefix=f"m{number}_", goal=goal)
            generated.append(made)
            place = folder / f"m{number}"
            place.mkdir(parents=True, exist_ok=True)
            for name, text in made.files.items():
                (place / Path(name).name).write_text(text)
            lines += [f'#include "m{number}/m{number}_model{target.suffix}.c"', _entry(number, made, target)]
            names.append(f"m{number}")
        units.append(folder / f"unit_{start}.c")
        head = "typedef struct { unsigned from, to; } span;\n"
        units[-1].write_text(head + "\n".join(lines) + "\n")
    driver = folder / "driver.c"
    largest = max(sum(made.graph.tensors[i].size for i in made.graph.inputs) for made in generated)
    driver.write_text(
        DRIVER
        % {
            "declarations": "".join(
                f"extern const nonn_model_t {n}_nonn_model;\nextern int8_t *const {n}_base;\n"
                f"extern const span {n}_used[];\nextern const unsigned {n}_spans;\n"
                for n in names
            ),
            "fills": "\n".join(
                f"    models[{i}] = (entry){{&{n}_nonn_model, {n}_base, {n}_used, {n}_spans}};"
                for i, n in enumerate(names)
            ),
            "count": len(names),
            "buffer": largest,
        }
    )
    objects = [unit.with_suffix(".o") for unit in (*units, driver)]
    parallel([GCC, *_flags(board), *flags, "-c", str(o.with_suffix(".c")), "-o", str(o)] for o in objects)
    (folder / "sections.ld").write_text(SECTIONS)
    memory = (
        FIRMWARE / "ports" / ("mps2-an386" if board == "mps2-an500" else board) / "memory.ld"
    ).read_text()
    # All models' arenas at once want more than the RAM that stands for a microcontroller's: DDR, PSRAM.
    for small, large in (("512K", "0x60000000, LENGTH = 64M"), ("4M", "0x21000000, LENGTH = 16M")):
        memory = memory.replace(f"0x20000000, LENGTH = {small}", large)
    (folder / "memory.ld").write_text(memory)
    linking = ("-nostartfiles", "-L", str(folder), "-T", str(folder / "memory.ld"))
    parallel(
        [[GCC, *_core(board), *map(str, objects), *kernels, *linking, "-o", str(folder / "program.elf")]]
    )
    return Emulated(folder, board, tuple(generated))


def _entry(number: int, made: Generated, target: Target) -> str:
    """Say in C where the arena is, and which of its bytes anybody may write."""
    plan = made.compiled[target.name].plan
    spans = ", ".join(f"{{{low}, {high}}}" for low, high in _used(made, plan))
    prefix = f"m{number}"
    return (
        f"extern int8_t *const {prefix}_base;\nint8_t *const {prefix}_base = {prefix}_arena;\n"
        f"extern const span {prefix}_used[];\nconst span {prefix}_used[] = {{{spans}}};\n"
        f"extern const unsigned {prefix}_spans;\n"
        f"const unsigned {prefix}_spans = sizeof {prefix}_used / sizeof *{prefix}_used;"
    )


def _used(made: Generated, plan: Plan) -> list[tuple[int, int]]:
    """Tensors and scratch, ascending."""
    spans = [(at, at + made.graph.tensors[index].size) for index, at in plan.offset.items()]
    spans += [
        (at, at + size) for at, size in zip(plan.scratch, plan.scratch_bytes, strict=True) if at is not None
    ]
    return sorted(spans)


def _core(board: str) -> tuple[str, ...]:
    return ("-mthumb", *CORES[board][1])


def _flags(board: str) -> tuple[str, ...]:
    return (*_core(board), *PLAIN, "-std=gnu99", "-ffunction-sections")
