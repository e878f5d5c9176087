"""Where a board is found again after it was flashed."""

import pytest

from nonn_mcu.boards.appear import where
from nonn_mcu.link.ports import Candidate


def port(name, serial="", location=""):
    return Candidate(f"/dev/{name}", "", "", None, None, serial, location)


OLD = port("ttyACM0", "AAA", "1-1")
OTHER = port("ttyUSB0", "BBB", "1-2")
CASES = {
    # before, now, --port, --probe, the board's port must be new; expected
    "the named port": ([OLD, OTHER], [OLD, OTHER], "/dev/ttyACM0", None, False, ["ttyACM0"]),
    "under another name, same serial number": (
        [OLD],
        [OTHER, port("ttyACM7", "AAA", "1-9")],
        "/dev/ttyACM0",
        None,
        False,
        ["ttyACM7"],
    ),
    "under another name, same place": (
        [OLD],
        [OTHER, port("ttyACM7", "ZZZ", "1-1")],
        "/dev/ttyACM0",
        None,
        False,
        ["ttyACM7"],
    ),
    "its name was taken by another": (
        [OLD, OTHER],
        [port("ttyACM0", "BBB", "1-2"), port("ttyACM1", "AAA", "1-1")],
        "/dev/ttyACM0",
        None,
        False,
        ["ttyACM1"],
    ),
    "an old port that says nothing about itself": (
        [port("ttyS0")],
        [port("ttyS0"), port("ttyS1")],
        "/dev/ttyS0",
        None,
        False,
        ["ttyS0"],
    ),
    "away for the moment": ([OLD], [OTHER], "/dev/ttyACM0", None, False, ["ttyACM0"]),
    "a URL": ([OLD], [OLD], "socket://pi:5000", None, False, ["socket://pi:5000"]),
    "not there before": ([], [OTHER], "/dev/ttyACM0", None, True, ["ttyACM0"]),
    "the probe's own port": (
        [OLD, OTHER],
        [OLD, port("ttyACM1", "000683ABC")],
        None,
        "683abc",
        False,
        ["ttyACM1"],
    ),
    "a probe without a port": ([OTHER], [OLD, OTHER], None, "683", False, ["ttyACM0"]),
    "a new one": ([OTHER], [OLD, OTHER], None, None, True, ["ttyACM0"]),
    "a new one under an old name": ([OTHER], [port("ttyUSB0", "CCC")], None, None, True, ["ttyUSB0"]),
    "not yet": ([OTHER], [OTHER], None, None, True, []),
    "a probe's, all the time": ([OLD, OTHER], [OLD, OTHER], None, None, False, ["ttyACM0", "ttyUSB0"]),
}


@pytest.mark.parametrize("case", CASES)
def test_where(case):
    before, now, name, probe, new, expected = CASES[case]
    found = [device for device, _ in where(before, now, port=name, probe=probe, new=new)]
    assert [device.removeprefix("/dev/") for device in found] == expected
