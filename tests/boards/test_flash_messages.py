"""What tools print when they fail, and what is said instead: tests/cases/flash_messages.json.

"from" is the version of the real program that printed it; "source" where the text is from the program's own
source or scripts, for what cannot be had without hardware; "users" where users of the program quote it.
"""

import hashlib
import json
import os
from pathlib import Path

import pytest
from support import images

from nonn_mcu import boards
from nonn_mcu.boards import image
from nonn_mcu.boards.tools import TOOLS, esptool, openocd, picotool, pyocd, stm32programmer
from nonn_mcu.boards.tools.program import explain
from nonn_mcu.boards.tools.tool import Job
from nonn_mcu.errors import BadInput, NoDevice
from nonn_mcu.link.deadline import Deadline

CASES = json.loads((Path(__file__).parents[1] / "cases" / "flash_messages.json").read_text(encoding="ascii"))
EXPLANATIONS = {
    "esptool": esptool,
    "picotool": picotool,
    "pyocd": pyocd,
    "openocd": openocd,
    "stm32programmer": stm32programmer,
}
BOARD_OF = {
    "esptool": "esp32s3",
    "picotool": "pico",
    "pyocd": "nrf52840dk",
    "openocd": "nrf52840dk",
    "stm32programmer": "nucleo-l4r5zi",
}
PROGRAM = hashlib.sha256(b"any").digest() * 8


def job(tool, kind, tmp_path, **choice):
    """Something to write to the first board of a tool."""
    board = boards.get(BOARD_OF[tool])
    start = board.flashing.flash_start or 0
    data = {
        "elf": images.elf([(start, PROGRAM)]),
        "hex": images.intel_hex([(start, PROGRAM)]),
        "uf2": images.uf2([(start, PROGRAM)]),
        "bin": (PROGRAM if tool != "esptool" else PROGRAM.ljust(0x8000, b"\0") + b"\xaa\x50"),
    }[kind]
    path = tmp_path / f"odd {{name}} @0x1.{kind}"
    path.write_bytes(data)
    return Job(image.read(path), board, dict(board.flashing.tools)[tool], **choice)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['tool']}: {case['says']}")
def test_a_failure_is_put_into_one_line(case, tmp_path):
    tool = case["tool"]
    what = job(tool, "bin", tmp_path)
    found = explain(tool, case["exit"], "\n".join(case["printed"]), EXPLANATIONS[tool].EXPLANATIONS, what)
    assert type(found).__name__ == case["error"], found
    assert case["says"] in str(found) and "\n" not in str(found) and str(found).startswith(tool)


REAL = [
    # tool, image, what is chosen, words
    ("esptool", "bin", {"port": "/dev/nowhere"}, "/dev/nowhere: no such port"),
    ("picotool", "uf2", {}, "no board is in BOOTSEL mode"),
    ("picotool", "bin", {"probe": "E6614"}, "has the serial number E6614"),
    pytest.param("pyocd", "hex", {}, "no debug probe is connected", marks=pytest.mark.long),
    ("pyocd", "bin", {"probe": "1234"}, "no probe has the id 1234"),
    ("openocd", "hex", {}, "no debug probe is connected"),
    ("openocd", "bin", {"probe": "000683012345"}, "no debug probe is connected"),
    ("stm32programmer", "hex", {}, "no ST-LINK is connected"),
]


@pytest.mark.parametrize(("tool", "kind", "choice", "words"), REAL)
def test_the_real_tool_takes_the_command_line_and_finds_no_board(tool, kind, choice, words, tmp_path):
    path = TOOLS[tool].find()
    if path is None:
        pytest.skip(f"needs {tool}")
    if choice.get("port") is None and os.path.exists("/dev/bus/usb") and os.listdir("/dev/bus/usb"):
        pytest.skip("there is USB here, and a board might get written")
    printed = []
    with pytest.raises(NoDevice, match=words):
        TOOLS[tool].write(path, job(tool, kind, tmp_path, **choice), Deadline.after(60), printed.append)
    assert b"".join(printed).strip()


@pytest.mark.parametrize("probe", ["", "a b", "x; exec ls", "[exec ls]", "}", "$x", "a" * 129])
def test_a_probe_is_an_id_and_nothing_else(probe, tmp_path):
    with pytest.raises(BadInput, match="not the id or serial number of a probe"):
        TOOLS["openocd"].write("/bin/false", job("openocd", "hex", tmp_path, probe=probe), Deadline(), print)
