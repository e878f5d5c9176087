"""STM32Cube: compiled for each core, and run on an emulated STM32F405 by the snippets of its own README.

The HAL is ours here, ST's names and signatures around QEMU's USART.
"""

import json
import random
import re
import shutil
import subprocess
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import pytest
from support.boards import need

from nonn_mcu.boards.board import qemu_arm
from nonn_mcu.boards.start import start
from nonn_mcu.cli import main
from nonn_mcu.link.client import Device

HEADERS = Path(__file__).with_name("stm32cube_headers")
CORES = {
    "0": ("-mcpu=cortex-m0plus",),
    "4": ("-mcpu=cortex-m4", "-mfpu=fpv4-sp-d16", "-mfloat-abi=hard"),
    "7": ("-mcpu=cortex-m7", "-mfpu=fpv5-d16", "-mfloat-abi=hard"),
    "33": ("-mcpu=cortex-m33", "-mfpu=fpv5-sp-d16", "-mfloat-abi=hard"),
}
STRICT = ("-std=gnu11", "-mthumb", "-Os", "-Wall", "-Wextra", "-Wconversion", "-Werror")
INTERRUPT = (
    "void CDC_Receive_FS(uint8_t *Buf, uint32_t *Len);\nvoid CDC_Receive_FS(uint8_t *Buf, uint32_t *Len)"
)

# What STM32CubeMX generates, for the toolchain CMake.
PROJECT = """
cmake_minimum_required(VERSION 3.18)
project(app C)
add_executable(app)
add_library(stm32cubemx INTERFACE)
target_compile_definitions(stm32cubemx INTERFACE __CORTEX_M=4)
target_include_directories(stm32cubemx INTERFACE Core/Inc)
target_sources(app PRIVATE Core/Src/main.c Core/Src/board.c)
target_link_libraries(app stm32cubemx)
"""
TOOLCHAIN = """
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_EXECUTABLE_SUFFIX_C .elf)
set(CMAKE_C_FLAGS "-mthumb -mcpu=cortex-m4 -mfpu=fpv4-sp-d16 -mfloat-abi=hard -std=gnu11")
set(CMAKE_C_FLAGS "${CMAKE_C_FLAGS} -Wall -Wextra -Wconversion -Werror -ffunction-sections -fdata-sections")
set(CMAKE_EXE_LINKER_FLAGS "-nostartfiles -Wl,--gc-sections")
set(CMAKE_EXE_LINKER_FLAGS "${CMAKE_EXE_LINKER_FLAGS} -T \\"${CMAKE_SOURCE_DIR}/STM32F405_FLASH.ld\\"")
"""
BOARD = replace(
    qemu_arm(
        name="netduinoplus2",
        core="Cortex-M4",
        summary="STM32F405 in QEMU",
        flash_bytes=1 << 20,
        ram_bytes=128 << 10,
        instructions_per_tick=Fraction(1),
    ),
    name="nucleo-f446re",  # what the README's snippet says
)


@pytest.fixture
def folder(exported):
    need("mps2-an386")  # the same compiler and emulator
    return exported("stm32cube")


def snippets(folder):
    """C of the README by the name of its USER CODE section, in order."""
    text = (folder / "README.md").read_text(encoding="utf-8")
    for block in re.findall(r"^```c\n(.*?)^```", text, re.MULTILINE | re.DOTALL):
        name = re.search(r"USER CODE BEGIN (\w+)", block)
        assert name is not None, block
        yield name.group(1), block


def program_over_uart(folder):
    """Write main.c as a user would, from the first three snippets."""
    (_, includes), (_, begin), (_, callback) = list(snippets(folder))[:3]
    return (
        f"{includes}\nUART_HandleTypeDef huart2;\nint main(void);\n"
        f"int main(void)\n{{\n{begin}\n  for (;;)\n  {{\n  }}\n}}\n{callback}"
    )


def program_over_usb(folder):
    (_, receive), (_, write), (_, begin) = list(snippets(folder))[3:]
    return (
        '#include <string.h>\n#include "nonn_stm32.h"\n#include "usbd_cdc_if.h"\n'
        f"{INTERRUPT}\n{{\n{receive}\n}}\n{write}\nint main(void);\nint main(void)\n{{\n{begin}\n}}\n"
    )


def compile_all(core, flags, folder, cwd, *sources):
    """Compile the port and ``sources``; the kernels and the device library know nothing of the core."""
    command = ["arm-none-eabi-gcc", *STRICT, *CORES[core], *flags, f"-D__CORTEX_M={core}"]
    command += ["-I", folder / "Inc", "-I", HEADERS, "-c", folder / "Src" / "nonn_stm32.c", *sources]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("core", CORES)
def test_it_compiles_for_each_core_without_a_warning(core, folder, tmp_path):
    (tmp_path / "uart.c").write_text(program_over_uart(folder), encoding="utf-8")
    (tmp_path / "usb.c").write_text(program_over_usb(folder), encoding="utf-8")
    compile_all(core, (), folder, tmp_path, tmp_path / "uart.c", tmp_path / "usb.c")


def test_a_project_without_a_uart_compiles(folder, tmp_path):
    (tmp_path / "usb.c").write_text(program_over_usb(folder), encoding="utf-8")
    compile_all("4", ("-DWITHOUT_UART",), folder, tmp_path, tmp_path / "usb.c")


@pytest.fixture(scope="module")
def port(exported, tmp_path_factory):
    """Compile the port for the host, with registers that are variables; gives answers to lines."""
    program = tmp_path_factory.mktemp("port") / "port"
    folder = exported("stm32cube")
    command = ["gcc", "-std=gnu11", "-g", *STRICT[3:], "-fsanitize=address,undefined", "-DWITHOUT_UART"]
    command += ["-D__CORTEX_M=4", "-I", folder / "Inc", "-I", HEADERS, HEADERS / "clock.c"]
    subprocess.run([*command, folder / "Src" / "nonn_stm32.c", "-o", program], check=True)

    def answers(lines):
        done = subprocess.run([program], input="\n".join(lines), capture_output=True, text=True, check=True)
        return done.stdout.splitlines()

    return answers


@pytest.mark.parametrize("longest", [1e-4, 1.0, 25.0, 26.0, 600.0])
def test_ticks_are_cycles_however_long_nobody_asked(longest, port):
    """CYCCNT turns over after 25.6 s at 168 MHz; two questions are up to ``longest`` seconds apart."""
    clock = 168_000_000
    draw = random.Random(longest)
    cycles = [0]
    for _ in range(300):
        cycles.append(cycles[-1] + round(draw.uniform(0, longest) * clock))
    lines = [f"{t * 1000 // clock % 2**32} {t % 2**32}" for t in cycles]
    assert list(map(int, port(lines))) == cycles


def test_the_ring_keeps_what_it_has_and_drops_what_it_cannot(port):
    sizes = [1, 1000, 1024, 1, 1023, 4096, 700, 700]
    assert port(f"ring {size}" for size in sizes) == [f"{min(size, 1024)} same" for size in sizes]


@pytest.fixture
def firmware(folder, tmp_path):
    """Build a project of CMake's with the export in its Middlewares, changed as its README says."""
    app = tmp_path / "Träg er"
    shutil.copytree(folder, app / "Middlewares" / "Third_Party" / "nonn")
    shutil.copytree(HEADERS, app / "Core" / "Inc")
    (app / "Core" / "Src").mkdir()
    shutil.copy(HEADERS / "board.c", app / "Core" / "Src")
    shutil.copy(HEADERS / "STM32F405_FLASH.ld", app)
    (app / "Core" / "Src" / "main.c").write_text(program_over_uart(folder), encoding="utf-8")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```cmake\n(.*?)^```", readme, re.MULTILINE | re.DOTALL)
    (app / "CMakeLists.txt").write_text(PROJECT + lines.replace("${CMAKE_PROJECT_NAME}", "app"))
    (app / "toolchain.cmake").write_text(TOOLCHAIN)
    settings = ("-DCMAKE_TOOLCHAIN_FILE=toolchain.cmake", "-DCMAKE_BUILD_TYPE=MinSizeRel")
    for command in (["cmake", "-S", ".", "-B", "build", *settings], ["cmake", "--build", "build", "-j2"]):
        done = subprocess.run(command, cwd=app, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
    return app / "build" / "app.elf"


def test_an_emulated_stm32_is_verified(firmware, pocket, capsys):
    with start(BOARD, firmware) as running:
        with Device.open(running.port) as device:
            hello = device.hello()
        code = main(["verify", str(pocket.path), "--port", running.port, "--layers", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["status"]) == (0, "match"), report
    assert (hello.board, hello.core, hello.model) == ("nucleo-f446re", "cortex-m4", "pocket")
    assert hello.static_bytes > hello.arena_bytes
    assert hello.tick_unit == "ns"  # QEMU has no cycle counter: HAL_GetTick's milliseconds
    (found,) = report["devices"]
    assert 0 < found["stats"]["stack_bytes"] < 4096
