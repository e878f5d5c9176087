"""Running a flash tool: what it is given, its output, its end; and which tool it is."""

import os
import re
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from support import images
from support.command import wait_until

from nonn_mcu import boards
from nonn_mcu.boards import image, tools
from nonn_mcu.boards.build import build
from nonn_mcu.boards.tools import TOOLS
from nonn_mcu.boards.tools.tool import Job
from nonn_mcu.errors import BadInput, DeviceError, LinkError
from nonn_mcu.link.deadline import Deadline

FLASH = 0x10000000
PROGRAM = bytes(range(256)) * 4


@pytest.fixture
def script(tmp_path):
    """Write a tool of our own: a shell script."""

    def script(text, name="tool"):
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return str(path)

    return script


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "a } name; with @0x1 ünd $more.uf2"
    path.write_bytes(images.uf2([(FLASH, PROGRAM)]))
    return Job(image.read(path), boards.get("pico"), "")


def write(script, job, seconds=30.0, tool="picotool"):
    printed = []
    TOOLS[tool].write(script, job, Deadline.after(seconds), printed.append)
    return b"".join(printed)


def test_the_tool_gets_what_was_checked_under_a_plain_name_and_no_standard_input(script, job, tmp_path):
    path = script(f'cat; pwd; echo "$@"; cp firmware.uf2 {tmp_path}/got; echo progress >&2')
    job.image.path.write_bytes(b"changed meanwhile")
    where, arguments, rest = write(path, job).decode().splitlines()
    assert arguments == "load --verify --execute firmware.uf2" and rest == "progress"
    assert (tmp_path / "got").read_bytes() == job.image.data
    assert not os.path.exists(where)


def test_all_output_is_passed_on_as_it_comes(script, job):
    path = script("printf 'Loading: 10%%\\r'; sleep 1; printf 'Loading: 100%%\\n'; head -c 3000000 /dev/zero")
    times = []
    TOOLS["picotool"].write(
        path, job, Deadline.after(30), lambda chunk: times.append((time.monotonic(), chunk))
    )
    assert b"".join(chunk for _, chunk in times) == b"Loading: 10%\rLoading: 100%\n" + bytes(3_000_000)
    assert times[1][0] - times[0][0] > 0.8


def test_a_failure_is_told_by_the_last_line_and_the_exit_code(script, job):
    with pytest.raises(DeviceError, match=r"^picotool failed with exit code 9: out of luck$"):
        write(script("echo; echo out of luck >&2; echo; exit 9"), job)
    with pytest.raises(DeviceError, match=r"^picotool was ended by signal 9: it said nothing$"):
        write(script("kill -9 $$"), job)
    with pytest.raises(BadInput, match="nothing here: cannot be started"):
        write("/nothing here", job)


def alive(pid):
    try:
        os.kill(pid, 0)
        return "Z" not in re.split(r"\) ", open(f"/proc/{pid}/stat").read())[1][:1]
    except OSError:
        return False


def test_time_is_limited_and_nothing_is_left_running(script, job, monkeypatch):
    monkeypatch.setattr("nonn_mcu.boards.tools.program.STOP_SECONDS", 1.0)
    path = script("trap '' INT TERM; sleep 60 & echo $! $$; wait; sleep 60")
    printed = []
    start = time.monotonic()
    with pytest.raises(
        LinkError, match="did not finish in time and was ended: the flash of pico may be half"
    ):
        TOOLS["picotool"].write(path, job, Deadline.after(1), printed.append)
    assert time.monotonic() - start < 4
    child, itself = map(int, b"".join(printed).split())
    wait_until(lambda: not alive(itself) and not alive(child))


def test_a_polite_tool_may_let_the_board_go(script, job, tmp_path):
    path = script(f"trap 'touch {tmp_path}/let-go; exit 1' INT; echo ready; sleep 60 & wait")
    with pytest.raises(LinkError, match="did not finish in time"):
        write(path, job, seconds=1)
    assert (tmp_path / "let-go").exists()


def test_what_a_tool_leaves_behind_holds_nothing_up(script, job):
    start = time.monotonic()
    printed = write(script("sleep 30 & echo $!; echo done"), job)
    assert time.monotonic() - start < 5
    assert printed.endswith(b"done\n")
    wait_until(lambda: not alive(int(printed.split()[0])))


def test_on_a_terminal_the_tool_sees_one(script):
    path = script("test -t 1 && test -t 2 && stty size <&1")
    code = (
        "import sys; from pathlib import Path; from nonn_mcu.boards.tools.program import run;"
        "from nonn_mcu.link.deadline import Deadline;"
        "print(*run([sys.argv[1]], Path('.'), None, Deadline.after(20), lambda chunk: None))"
    )
    master, slave = os.openpty()
    subprocess.run(["stty", "rows", "33", "cols", "77"], stdin=slave, check=True)
    done = subprocess.run(
        [sys.executable, "-c", code, path], stdout=subprocess.PIPE, stderr=slave, check=False
    )
    os.close(slave)
    os.close(master)
    assert done.stdout == b"0 33 77\r\n\n"


@pytest.fixture
def installed(monkeypatch):
    """Have these tools and no others."""

    def only(*names):
        for name, tool in TOOLS.items():
            found = f"/bin/{name}" if name in names else None
            monkeypatch.setitem(TOOLS, name, replace(tool, find=lambda found=found: found))

    return only


@pytest.mark.parametrize(
    ("there", "asked", "expected"),
    [
        (("picotool", "uf2"), ("pico", None, "uf2"), "picotool"),
        (("uf2",), ("pico", None, "uf2"), "uf2"),
        (("picotool", "uf2"), ("pico", "uf2", "uf2"), "uf2"),
        (("picotool", "uf2"), ("pico", None, "elf"), "picotool"),
        (("uf2",), ("pico", None, "elf"), r"no tool to flash pico is installed; install picotool \(see http"),
        (("uf2",), ("pico", "uf2", "elf"), "an image in the format elf .*: uf2 takes uf2$"),
        (("uf2",), ("pico", "esptool", "uf2"), "--tool esptool: pico is flashed with picotool or uf2"),
        ((), ("esp32c3", None, "bin"), r"install esptool \(pip install 'nonn-mcu\[flash\]'\)"),
        (("esptool",), ("esp32c3", None, "elf"), "an image in the format elf cannot be written to esp32c3"),
        (("openocd",), ("nrf52840dk", None, "hex"), "openocd"),
        (("openocd", "pyocd"), ("nrf52840dk", None, "hex"), "pyocd"),
        ((), ("nrf52840dk", None, "hex"), "install one of: pyocd .*; openocd "),
        (("openocd", "stm32programmer"), ("nucleo-l4r5zi", None, "bin"), "stm32programmer"),
    ],
)
def test_the_first_installed_tool_that_takes_the_image(there, asked, expected, installed):
    installed(*there)
    name, wanted, kind = asked
    board = boards.get(name)
    if expected in TOOLS:
        tool, path, target = tools.choose(board, wanted, kind)
        assert (tool.name, path) == (expected, f"/bin/{expected}")
        assert target == dict(board.flashing.tools)[expected]
    else:
        with pytest.raises(BadInput, match=expected):
            tools.choose(board, wanted, kind)


@pytest.mark.parametrize("name", [name for name, board in boards.BOARDS.items() if board.flashing])
def test_every_real_board_names_tools_that_exist(name):
    board = boards.get(name)
    assert {tool for tool, _ in board.flashing.tools} <= set(TOOLS)
    assert "{folder}" in board.flashing.build
    with pytest.raises(BadInput, match=f"nonn-mcu export .* --to {board.flashing.export}"):
        build(Path("any"), board)
