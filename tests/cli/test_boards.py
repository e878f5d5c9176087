"""``verify --board``: build, start, verify and stop, in one command."""

import shutil
import signal
import subprocess
from pathlib import Path

import numpy as np
import pytest
from support.command import finish, open_files, wait_until

from nonn_mcu import bundle

BOARDS = {"host": "cc", "mps2-an386": "qemu-system-arm"}


@pytest.fixture
def copy(pocket, tmp_path):
    """A bundle of its own, since builds land inside it."""
    return Path(shutil.copytree(pocket, tmp_path / "pocket", ignore=shutil.ignore_patterns("build")))


def processes(word):
    """Find the running programs, other than the command itself, whose arguments contain ``word``."""
    done = subprocess.run(["ps", "-eww", "-o", "pid,args"], capture_output=True, text=True, check=True)
    lines = [line.split(maxsplit=1) for line in done.stdout.splitlines()]
    return [int(pid) for pid, args in lines if word in args and "nonn_mcu.cli" not in args]


@pytest.mark.parametrize("board", BOARDS)
def test_a_board_is_built_started_verified_and_stopped(cli, copy, board):
    if shutil.which(BOARDS[board]) is None or shutil.which("cmake") is None:
        pytest.skip(f"{board} needs {BOARDS[board]} and cmake")
    result = cli("verify", copy, "--board", board, "--layers", "--json", seconds=120)
    assert (result.code, result.err) == (0, ""), result
    (found,) = result.json["devices"]
    assert found["device"]["board"] == board and found["conformance"]["vectors"] == 20
    if board != "host":
        assert found["stats"]["tick_unit"] == "instructions" and found["stats"]["stack_bytes"] > 0
    assert processes(str(copy)) == []
    firmware = copy / "build" / board
    before = {path: path.stat().st_mtime_ns for path in firmware.iterdir()}
    assert cli("verify", copy, "--board", board, "--vectors", 2).code == 0
    assert {path: path.stat().st_mtime_ns for path in firmware.iterdir()} == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_stops_the_board_too(start, cli, pocket, tmp_path, number):
    from support.bundles import make_bundle

    few = bundle.read(pocket).vectors()
    many = {
        name: (np.repeat(getattr(few, name)[0], 200, axis=0),) for name in ("inputs", "outputs", "references")
    }
    made = make_bundle(tmp_path / "many", **many).path  # enough that the interrupt comes in the middle
    assert cli("build", made, "--board", "host", seconds=120).code == 0
    process = start("verify", made, "--board", "host", start_new_session=True)
    wait_until(lambda: any(path.startswith("/dev/pts/") for path in open_files(process)))
    assert processes(str(made / "build"))
    process.send_signal(number)
    assert finish(process).code == 130
    assert processes(str(made)) == []


def test_code_that_does_not_compile_is_2(cli, copy):
    opened = bundle.read(copy)
    files = {name: (copy / name).read_bytes() for name in opened.manifest.files}
    bundle.write(copy, files | {"native/model.c": b"this is no C\n"}, opened.manifest)
    result = cli("verify", copy, "--board", "host", "--json", seconds=120)
    assert result.code == 2 and "model.c" in result.json["error"]["message"]
