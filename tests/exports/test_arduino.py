"""Arduino: arduino-lint's rules, and the library and its sketch as Arduino compiles them, run as a process.

The core is ours here, ArduinoCore-API's names and signatures around a pseudo-terminal.
"""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from nonn_mcu import boards, bundle
from nonn_mcu.boards.start import start
from nonn_mcu.cli import main
from nonn_mcu.link.client import Device
from nonn_mcu.link.frame import Decoder, FrameStatus, encode
from nonn_mcu.link.messages import hello, pack

HEADERS = Path(__file__).with_name("arduino_headers")
CATEGORIES = {
    *("Display", "Communication", "Signal Input/Output", "Sensors", "Device Control", "Timing"),
    *("Data Storage", "Data Processing", "Other"),
}
REQUIRED = ("name", "version", "author", "maintainer", "sentence", "paragraph", "category", "url")
SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[\w.-]+)?(\+[\w.-]+)?")
SOURCES = {".c", ".cpp", ".h", ".S", ".ino"}
STRICT = ("-O1", "-g0", "-Wall", "-Wextra", "-Wconversion", "-Werror", "-ffunction-sections")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
DEFINED = ("-DARDUINO=10819", '-DARDUINO_BOARD="FAKE_UNO"')
DIALECTS = ("gnu++11", "gnu++17")  # the oldest that cores of today use, and the newest
LEAP = 0x60000000  # of the core's micros(), at every look
PATIENCE = 250  # milliseconds without a byte going out


@pytest.fixture(scope="module")
def library(exported):
    return exported("arduino")


def properties(folder):
    lines = (folder / "library.properties").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    assert len({key for key, _ in pairs}) == len(pairs)
    return dict(pairs)


def gcc(*arguments):
    done = subprocess.run(list(map(str, arguments)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def programs(library, tmp_path_factory):
    """The sketch, linked, for each dialect of C++: everything below src/, with src/ as only include path."""
    folder = tmp_path_factory.mktemp("arduino")
    flags = (*STRICT, *SANITIZED, *DEFINED, "-I", HEADERS, "-I", library / "src")
    c = []
    for number, source in enumerate(sorted((library / "src").rglob("*.c"))):
        c.append(folder / f"{number}.o")
        gcc("gcc", "-std=gnu11", *flags, "-c", source, "-o", c[-1])
    found = {}
    for dialect in DIALECTS:
        found[dialect] = folder / dialect
        sketch = ("-include", "Arduino.h", library / "examples" / "Verify" / "Verify.ino")
        gcc(
            *("g++", f"-std={dialect}", *flags, "-o", found[dialect], *c, "-x", "c++"),
            *(*sketch, *sorted((library / "src").rglob("*.cpp")), HEADERS / "core.cpp"),
        )
    return found


def run(program, behaviour):
    command = ("{firmware}", behaviour)
    return start(replace(boards.get("host"), name="arduino", command=command), program)


def test_the_properties_are_what_the_specification_asks_for(library):
    found = properties(library)
    assert all(found.get(key) for key in (*REQUIRED, "architectures", "includes"))
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9 _.-]{0,62}", found["name"])
    for key in ("name", "author", "maintainer"):
        assert not found[key].lower().startswith("arduino")
    assert SEMVER.fullmatch(found["version"])
    assert found["category"] in CATEGORIES
    assert found["url"].startswith("https://")
    assert not found["paragraph"].startswith(found["sentence"])
    assert " " not in found["includes"] and (library / "src" / found["includes"]).is_file()
    assert found["includes"] == f"{found['name']}.h"
    assert "depends" not in found and "precompiled" not in found


def test_the_folder_is_laid_out_as_the_specification_asks(library):
    """Sources in src/ alone, each example a folder with its sketch, no links, no programs, plain names."""
    assert {path.name for path in library.iterdir() if path.suffix in SOURCES} == set()
    assert {path.name for path in library.iterdir() if path.is_dir()} == {"src", "examples"}
    sketches = list(library.rglob("*.ino"))
    assert [path.relative_to(library).as_posix() for path in sketches] == ["examples/Verify/Verify.ino"]
    for path in library.rglob("*"):
        assert not path.is_symlink()
        assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}", path.name), path
        if path.is_file():
            assert path.stat().st_mode & 0o111 == 0, path
            assert path.suffix in SOURCES | {".md", ".properties", ".json"}, path
    names = [path.name for path in (library / "src").rglob("*.c*")]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("dialect", "behaviour"),
    [("gnu++11", "roomy"), ("gnu++17", "roomy"), ("gnu++11", "shy"), ("gnu++11", "slow")],
)
def test_the_sketch_verifies(dialect, behaviour, programs, pocket, capsys):
    with run(programs[dialect], behaviour) as running:
        assert main(["verify", str(pocket.path), "--port", running.port]) == 0, capsys.readouterr()
        assert "PASS" in capsys.readouterr().out


def test_it_says_who_it_is_and_its_clock_never_wraps(programs, pocket):
    """Each look at micros() is a leap of 0x60000000, so one run in three goes across the wrap."""
    (images,) = bundle.read(pocket.path).vectors().inputs
    with run(programs["gnu++11"], "roomy") as running, Device.open(running.port) as device:
        found = device.hello()
        assert (found.model, found.runtime, found.board) == ("pocket", "native", "FAKE_UNO")
        assert (found.tick_unit, found.tick_numerator, found.tick_denominator) == ("us", 1, 1)
        for image in images[:9]:
            device.run([image[None]])
            assert device.stats().ticks == LEAP


def test_without_a_listener_the_loop_goes_on(programs):
    """A reply that nobody takes is dropped, at once for the rest of it; the next one comes whole."""
    request = encode(pack(hello(0, 200), 7))
    done = subprocess.run(
        [programs["gnu++11"], "deaf", request.hex()], capture_output=True, text=True, check=True, timeout=20
    )
    stood_still, replies = done.stdout.splitlines()
    assert int(stood_still) == PATIENCE
    (reply,) = Decoder(1024).feed(bytes.fromhex(replies))
    assert reply.status == FrameStatus.COMPLETE and b"FAKE_UNO" in reply.data


def test_avr_is_refused_in_one_line(library):
    done = subprocess.run(
        ["g++", "-D__AVR__", "-fsyntax-only", *DEFINED, "-I", HEADERS, library / "src" / "nonn_arduino.cpp"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0 and "choose a board with a 32-bit processor" in done.stderr
