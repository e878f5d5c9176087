"""Building: same bytes anywhere, never stale, and one clear line for what cannot be built."""

import json
import os
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.boards import EMULATED, MOSTLY_TWO, STUB, make_big, need

from nonn_mcu import boards
from nonn_mcu.boards import build as building
from nonn_mcu.boards.build import ROOT, STAMP, build
from nonn_mcu.errors import BadInput


@pytest.fixture
def model(tmp_path):
    """A copy of the stub, to be changed."""
    shutil.copytree(STUB, tmp_path / "model")
    return tmp_path / "model"


def test_get_names_the_boards_there_are():
    with pytest.raises(BadInput, match="no board 'esp32'; the boards are: host, mps2-an386"):
        boards.get("esp32")


@pytest.mark.parametrize("name", MOSTLY_TWO)
def test_bytes_do_not_depend_on_folders(name, tmp_path, stub_firmware):
    """Another bundle path, output path and installation give the same ELF, and it names none of them."""
    need(name)
    here = tmp_path / "мой пакет"
    shutil.copytree(
        ROOT, here / "installed", symlinks=False, ignore=shutil.ignore_patterns("__pycache__", "*.py")
    )
    shutil.copytree(STUB, here / "the bundle")
    out = here / "out put"
    settings = [f"-DNONN_BUNDLE={here / 'the bundle'}", f"-DNONN_BOARD={name}"]
    for command in (
        ["cmake", "-S", here / "installed", "-B", out, *settings],
        ["cmake", "--build", out, "--parallel", "2"],
    ):
        subprocess.run(command, check=True, capture_output=True)
    elf = (out / "firmware.elf").read_bytes()
    assert elf == stub_firmware(name).path.read_bytes()
    for folder in (str(ROOT.parent), str(here), os.path.expanduser("~")):
        assert folder.encode() not in elf


@pytest.mark.parametrize("level", ["Os", "O2", "O3"])
@pytest.mark.parametrize("name", ["host", *EMULATED])
@pytest.mark.long
def test_every_level_builds_without_warnings(name, level, tmp_path):
    assert build(STUB, need(name), level, tmp_path / "out").path.exists()


def test_checkout_root_is_a_cmake_project_too(tmp_path):
    need("host")
    subprocess.run(
        ["cmake", "-S", ROOT.parent, "-B", tmp_path, f"-DNONN_BUNDLE={STUB}"], check=True, capture_output=True
    )


def test_a_current_build_is_used_and_a_stale_one_never(model, tmp_path, monkeypatch):
    board = need("host")
    first = build(model, board)
    assert first.path == model / "build" / "host" / "firmware"
    inode = first.path.stat().st_ino
    monkeypatch.setattr(building, "_compile", lambda *_: pytest.fail("built again"))
    assert build(model, board) == first
    monkeypatch.undo()

    # An older time stamp must not hide a change.
    source = model / "native" / "stub.c"
    times = source.stat()
    source.write_text(source.read_text().replace('"plus_one"', '"plus_two"'))
    os.utime(source, ns=(times.st_atime_ns, times.st_mtime_ns))
    second = build(model, board)
    assert second.sources != first.sources
    assert b"plus_two" in second.path.read_bytes()
    assert second.path.stat().st_ino != inode

    # Nor is a program believed that is not the one that was linked.
    second.path.write_bytes(b"\x7fELF")
    assert b"plus_two" in build(model, board).path.read_bytes()


@pytest.mark.parametrize(
    ("stamp", "level"),
    [
        ('{"optimize": "O3"}', "O3"),
        ('{"optimize": "O9"}', "Os"),
        ("[1]", "Os"),
        ("not JSON", "Os"),
        ("{}", "Os"),
    ],
)
def test_the_level_is_that_of_the_build_there_is(stamp, level, model, monkeypatch):
    (model / "build" / "host").mkdir(parents=True)
    (model / "build" / "host" / STAMP).write_text(stamp)
    monkeypatch.setattr(building, "_compile", lambda settings, *_: _stop(settings))
    with pytest.raises(_Stopped, match=level):
        build(model, need("host"))


class _Stopped(Exception):
    pass


def _stop(settings):
    raise _Stopped(settings["NONN_OPTIMIZE"])


def test_refuses_what_it_did_not_make(model, tmp_path):
    board = need("host")
    (tmp_path / "precious").mkdir()
    (tmp_path / "precious" / "thesis.tex").write_text("...")
    with pytest.raises(BadInput, match="precious: exists and is not a firmware build"):
        build(model, board, out=tmp_path / "precious")
    assert (tmp_path / "precious" / "thesis.tex").exists()


BAD_MODELS = {
    "syntax": ("int x = ;", "error: expected expression"),
    "warning": ("short nonn_bad(int y);\nshort nonn_bad(int y) { return y; }", "error: conversion"),
    "missing header": ('#include "no_such.h"', "no_such.h"),
}


@pytest.mark.parametrize("case", BAD_MODELS)
def test_what_does_not_compile_says_so_in_one_line(case, model):
    text, expected = BAD_MODELS[case]
    (model / "native" / "bad.c").write_text(text + "\n")
    with pytest.raises(BadInput, match=expected) as caught:
        build(model, need("mps2-an386"))
    message = str(caught.value)
    assert "\n" not in message
    log = message.rpartition("the log is ")[2]
    assert expected in Path(log).read_text(encoding="utf-8")
    assert [path.name for path in (model / "build").iterdir()] == ["mps2-an386.log"]


def test_a_failed_build_leaves_the_old_one(model):
    board = need("host")
    old = build(model, board).path.read_bytes()
    (model / "native" / "bad.c").write_text("int x = ;\n")
    with pytest.raises(BadInput):
        build(model, board)
    assert (model / "build" / "host" / "firmware").read_bytes() == old
    assert json.loads((model / "build" / "host" / STAMP).read_text())["board"] == "host"


def test_missing_tools_are_named_with_their_packages(model, monkeypatch):
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(BadInput) as caught:
        build(model, boards.get("mps2-an386"))
    assert str(caught.value) == (
        "building for mps2-an386 needs cmake, make, arm-none-eabi-gcc; install with: "
        "sudo apt-get install cmake make gcc-arm-none-eabi libnewlib-arm-none-eabi"
    )


@pytest.mark.parametrize(
    ("optimize", "bundle", "expected"),
    [
        ("Ofast", STUB, "optimisation 'Ofast': it is one of Os, O2, O3"),
        ("O2", STUB.parent, "no model for the native runtime there"),
    ],
)
def test_bad_arguments(optimize, bundle, expected, tmp_path):
    with pytest.raises(BadInput, match=expected):
        build(bundle, boards.get("host"), optimize, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_accept_can_refuse_before_anything_is_in_place(model):
    def refuse(program):
        assert program.read_bytes()[:4] == b"\x7fELF"
        raise BadInput("no")

    with pytest.raises(BadInput, match=r"^no$"):
        build(model, need("host"), accept=refuse)
    assert not (model / "build" / "host").exists()


def test_a_model_beyond_the_boards_memory_is_refused_by_the_linker(model):
    make_big(model, 3 << 20)
    with pytest.raises(BadInput, match=r"region .FLASH. overflowed"):
        build(model, need("mps3-an547"))


def test_no_unknown_board_folder(tmp_path):
    board = replace(boards.get("host"), name="no-such-board")
    with pytest.raises(BadInput, match="no such board"):
        build(STUB, board, out=tmp_path / "out")
