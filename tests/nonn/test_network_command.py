"""``nonn-mcu network`` as a user runs it: emulated boards, the table, JSON, the picture, what is refused."""

import re
import shutil
import xml.etree.ElementTree as ET

import pytest
from support.boards import need
from support.bundles import make_bundle
from support.command import BOTH, Result, check_error
from support.networks import make_network

pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
pytest.importorskip("matplotlib", reason="the picture needs the extra nonn")

TICK = 40  # instructions that the board's counter takes for one


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A network whose head is on a device, and a bundle of another task."""
    folder = tmp_path_factory.mktemp("networks")
    make_network(folder / "nonn", head="device:1")
    make_bundle(folder / "pocket")
    return folder


@pytest.fixture
def inside(capsys, monkeypatch, folder):
    """Run a command in this process, in the folder."""

    def inside(*arguments):
        from nonn_mcu.cli import main

        code = main(["network", *map(str, arguments)])
        return Result(code, *capsys.readouterr())

    monkeypatch.delenv("NONN_MCU_DEBUG", raising=False)
    monkeypatch.chdir(folder)
    return inside


def test_measured_on_an_emulated_board(inside, folder):
    """Every student's firmware runs, the holder's with its two models; counts repeat to a tick of each."""
    need("mps2-an386")
    split = folder / "nonn" / "student0"  # has the network's inputs, but 5 classes
    check_error(inside("nonn", "--split", split), 2, "BadInput", "has 5 classes, nonn has 3")

    told = inside("nonn", "--link", "uart:115200", "--link", "can:500k", "--json")
    assert told.code == 0, told
    (nonn,) = told.json["alternatives"]
    first, holder = nonn["firmware"]
    assert len(first["instructions"]) == 1 and len(holder["instructions"]) == 2
    assert all(count > 0 for count in (*first["instructions"], *holder["instructions"]))
    assert holder["flash"] > first["flash"]
    at_once = max(first["instructions"][0], holder["instructions"][0])
    assert nonn["measured"] and nonn["instructions"] == at_once + holder["instructions"][1]
    assert nonn["bytes"] == {"broadcast": 5, "addressed": 5}
    uart, can = nonn["costs"]
    assert uart["link_s"]["broadcast"] == 50 / 115_200
    assert can["link_s"]["broadcast"] == (47 + 40 + 73 // 4) / 500_000
    assert uart["compute_s"] == nonn["instructions"] / 120e6

    assert ET.parse(folder / "nonn-comparison.svg").getroot().tag.endswith("svg")
    again = inside("nonn", "--link", "uart:115200", "--link", "can:500k")
    assert again.code == 0, again
    line = next(line for line in again.out.splitlines() if line.startswith("instructions"))
    assert abs(int(line.split()[-1].replace(",", "")) - nonn["instructions"]) <= 2 * TICK
    assert re.search(r"^energy a node, mJ \(can:500k\) +\d+\.\d+$", again.out, re.MULTILINE)
    assert "estimate: 43.6 mW" in again.out

    slow = inside("nonn", "--clock", "12MHz", "--power-mw", "1", "-o", "slow.svg", "--json")
    (only,) = slow.json["alternatives"]
    assert only["costs"][0]["compute_s"] == only["instructions"] / 12e6
    assert (folder / "slow.svg").is_file()
    unknown = inside("nonn", "--device", "pico", "-o", "pico.svg")
    assert unknown.code == 0 and "give --power-mw" in unknown.out and "energy a node" not in unknown.out


REFUSED = [
    (["pocket"], "pocket: a bundle, not a network"),
    (["nowhere"], "nowhere: not a network"),
    (["nonn", "--teacher", "nonn"], "--teacher nonn: a network, not a bundle"),
    (["nonn", "--split", "nonn"], "--split nonn: a network, not a bundle"),
    (["nonn", "--teacher", "nowhere"], "nowhere: not a bundle"),
    (["nonn", "--teacher", "pocket"], "pocket: has 5 classes, nonn has 3"),
    (["nonn", "--link", "usb:12M"], "link 'usb:12M'"),
    (["nonn", "--board", "host"], "host does not count instructions"),
    (["nonn", "--board", "pico"], "pico does not count instructions"),
    (["nonn", "--board", "mars"], "no board 'mars'"),
    (["nonn", "--device", "mps2-an386"], "--device mps2-an386: has no clock"),
    (["nonn", "--clock", "fast"], "--clock: 'fast' is no rate"),
    (["nonn", "--power-mw", "0"], "--power-mw 0.0: give milliwatts"),
    (["nonn", "--power-mw", "nan"], "--power-mw nan: give milliwatts"),
    (["nonn", "-o", "picture.png"], "picture.png: give the name of an .svg file"),
]


@BOTH
@pytest.mark.parametrize(("arguments", "words"), REFUSED)
def test_what_is_refused(inside, folder, arguments, words, json):
    before = sorted(path.name for path in folder.iterdir())
    result = inside(*arguments, *json)
    last = Result(result.code, result.out, result.err.splitlines(keepends=True)[-1] if result.err else "")
    check_error(last, 2, "BadInput", words)
    assert sorted(path.name for path in folder.iterdir()) == before


def test_a_changed_student_is_refused(inside, folder, tmp_path):
    shutil.copytree(folder / "nonn", tmp_path / "nonn")
    (tmp_path / "nonn" / "student0" / "pocket0.tflite").write_bytes(b"TFL3")
    check_error(inside(tmp_path / "nonn"), 2, "BadInput", "was changed after conversion")
