"""Plain CMake, all the way: exported, built with nothing but what is in the folder, started, verified."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.boards import EMULATED, need

from nonn_mcu import boards, exports
from nonn_mcu.boards.build import build
from nonn_mcu.boards.start import start
from nonn_mcu.cli import main
from nonn_mcu.link.client import Device
from nonn_mcu.manifest import FittedArena
from nonn_mcu.target import of_core

VERIFIED = ("host", "mps2-an386")  # the others say who they are; the M55 is verified with the whole models
OWN_TOOLCHAIN = """
set(CMAKE_SYSTEM_NAME Generic)
set(CMAKE_C_COMPILER arm-none-eabi-gcc)
set(CMAKE_TRY_COMPILE_TARGET_TYPE STATIC_LIBRARY)
set(CMAKE_EXECUTABLE_SUFFIX_C .elf)
set(CMAKE_C_FLAGS_INIT "-DUSERS_OWN")
"""


@pytest.fixture
def project(exported, tmp_path):
    """Give a copy of the export for a runtime, far from any checkout and from the bundle."""

    def project(runtime):
        return Path(shutil.copytree(exported("cmake", runtime), tmp_path / "Träg er"))

    return project


def cmake(folder, *settings):
    """Configure and build as the README says, without anything of ours in the environment."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("NONN", "PYTHON"))}
    said = ""
    for command in (["cmake", "-S", ".", "-B", "build", *settings], ["cmake", "--build", "build", "-j2"]):
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=False, env=environment
        )
        said += done.stdout + done.stderr
        if done.returncode:
            break
    return done.returncode, said


def say_hello(board, program, pocket):
    with start(board, program) as running, Device.open(running.port) as device:
        hello = device.hello()
        assert (hello.board, hello.sha256) == (board.name, pocket.manifest.model_sha256)
        return hello.runtime


def verify(board, program, pocket, capsys):
    with start(board, program) as running:
        code = main(["verify", str(pocket.path), "--port", running.port, "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["status"]) == (0, "match"), report
    assert report["devices"][0]["conformance"]["mismatching_values"] == 0


@pytest.mark.parametrize("name", ["host", *EMULATED])
def test_the_round_trip(name, project, pocket, capsys):
    board = need(name)
    folder = project("native")
    code, said = cmake(folder, f"-DNONN_BOARD={name}")
    assert code == 0, said
    program = folder / "build" / board.firmware
    if name == "mps2-an386":
        assert program.read_bytes() == build(pocket.path, board).path.read_bytes()
    if name in VERIFIED:
        verify(board, program, pocket, capsys)
    else:
        assert say_hello(board, program, pocket) == of_core(board.core).runtime


@pytest.mark.parametrize("name", ["host", *EMULATED])
def test_the_round_trip_over_tflm(name, project, pocket, capsys, tflm_root):
    board = need(name)
    folder = project("tflm")
    code, said = cmake(folder, f"-DNONN_BOARD={name}", "-DNONN_RUNTIME=tflm", f"-DTFLM_ROOT={tflm_root}")
    if "no library for" in said:
        pytest.skip(f"TFLM_ROOT={tflm_root} has no library for {name}")
    assert code == 0, said
    program = folder / "build" / board.firmware
    if name in VERIFIED:
        verify(board, program, pocket, capsys)
    else:
        assert say_hello(board, program, pocket).startswith("tflm-")


@pytest.mark.parametrize(
    ("board", "kernels", "arena"),
    [("mps2-an386", "cmsis_nn", "3200"), ("mps2-an386", "reference", ""), ("host", "reference", "2400")],
)
def test_the_arena_is_the_one_that_was_measured(board, kernels, arena, pocket, tmp_path):
    """A manifest's words do not become CMake's: what is no board or no kernels of ours is left out."""
    tflm = pocket.manifest.tflm
    measured = [("mps2-an386", "cmsis_nn", 3000), ("host", "reference", 2200), ("host", '" OR 1) #', 16)]
    fitted = tuple(FittedArena(board=b, kernels=k, minimum=m, margin=200) for b, k, m in measured)
    update = {"tflm": tflm.model_copy(update={"fitted": fitted})}
    bundle = replace(pocket, manifest=pocket.manifest.model_copy(update=update))
    made = exports.write(bundle, exports.get("cmake"), tmp_path / "out", runtime="tflm")
    script = tmp_path / "say.cmake"
    arenas = made.folder / "bundle" / "tflm" / "arenas.cmake"
    assert " OR " not in arenas.read_text()
    script.write_text(f'include("{arenas}")\nmessage("arena ${{NONN_TFLM_ARENA}}")\n')
    command = ["cmake", f"-DNONN_BOARD={board}", f"-DTFLM_KERNELS={kernels}", "-P", script]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == f"arena {arena}\n"


def test_a_toolchain_file_of_the_users_own_is_used(project, tmp_path):
    board = need("mps2-an386")
    folder = project("native")
    (tmp_path / "own.cmake").write_text(OWN_TOOLCHAIN)
    code, said = cmake(folder, "-DNONN_BOARD=mps2-an386", f"-DCMAKE_TOOLCHAIN_FILE={tmp_path / 'own.cmake'}")
    assert code == 0, said
    assert (folder / "build" / board.firmware).is_file()
    commands = json.loads((folder / "build" / "compile_commands.json").read_bytes())
    assert all("-DUSERS_OWN" in one["command"] and "-mcpu=cortex-m4" in one["command"] for one in commands)


def test_a_board_of_the_users_own_is_used(project, pocket):
    """As the README describes it: a folder with a board.cmake, here around the host's port."""
    need("host")
    folder = project("native")
    own = folder / "firmware" / "ports" / "mine"
    shutil.copytree(own.with_name("host"), own)
    port = (own / "main.c").read_text(encoding="ascii")
    (own / "main.c").write_text(port.replace('.board = "host"', '.board = "mine"'), encoding="ascii")
    (own / "board.cmake").write_text("set(NONN_PORT_SOURCES mine/main.c)\n")
    code, said = cmake(folder, "-DNONN_BOARD=mine")
    assert code == 0, said
    board = replace(boards.get("host"), name="mine")
    assert say_hello(board, folder / "build" / "firmware", pocket) == "native"
