"""Pico SDK: configured and built by its own CMakeLists.txt, run as a process, and compiled for both cores.

The SDK and TinyUSB are ours here, their names and signatures around a pseudo-terminal.
"""

import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from support.boards import need

from nonn_mcu import __version__, boards
from nonn_mcu.boards.start import start
from nonn_mcu.cli import main
from nonn_mcu.link.client import Device
from nonn_mcu.link.frame import Decoder, FrameStatus, encode
from nonn_mcu.link.messages import hello, pack

SDK = Path(__file__).with_name("pico_sdk_headers")
STRICT = "-Og -g0 -Wall -Wextra -Wconversion -Werror"
SANITIZED = "-fsanitize=address,undefined -fno-sanitize-recover=all"
CORES = {"cortex-m0plus": "1", "cortex-m33": "0"}  # and PICO_RP2040
PATIENCE = 500_000  # microseconds without a byte going out


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in ("PICO_SDK_PATH", "PICO_SDK_FETCH_FROM_GIT", "PICO_TFLMICRO_PATH", "TFLM_ROOT"):
        monkeypatch.delenv(name, raising=False)


def configure(folder, build, *settings, sdk=SDK, version="2.2.0"):
    command = ["cmake", "-S", folder, "-B", build, f"-DPICO_SDK_PATH={sdk}", f"-DFAKE_SDK_VERSION={version}"]
    done = subprocess.run([*command, *settings], capture_output=True, text=True, check=False)
    return done.returncode, " ".join((done.stdout + done.stderr).split())  # CMake wraps its messages


@pytest.fixture(scope="module")
def built(exported, tmp_path_factory):
    need("host")
    build = tmp_path_factory.mktemp("pico") / "Träg er"
    flags = f"{STRICT} {SANITIZED}"
    settings = ("-DPICO_BOARD=pico", f"-DCMAKE_C_FLAGS={flags}", "-DCMAKE_BUILD_TYPE=")
    code, said = configure(exported("pico-sdk"), build, *settings)
    assert code == 0, said
    done = subprocess.run(["cmake", "--build", build, "-j2"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return build


def run(built, behaviour):
    command = ("{firmware}", behaviour)
    return start(replace(boards.get("host"), name="pico", command=command), built / "firmware")


def play(built, behaviour, *script):
    done = subprocess.run(
        [built / "firmware", behaviour, *(data.hex() for data in script)],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.mark.parametrize("behaviour", ["takes", "slow"])
def test_it_verifies(behaviour, built, pocket, capsys):
    with run(built, behaviour) as running:
        code = main(["verify", str(pocket.path), "--port", running.port, "--layers"])
        assert code == 0, capsys.readouterr()


def test_it_says_who_it_is(built):
    with run(built, "takes") as running, Device.open(running.port) as device:
        found = device.hello()
    assert (found.model, found.runtime, found.board, found.core) == (
        "pocket",
        "native",
        "pico",
        "cortex-m0plus",
    )
    assert (found.tick_unit, found.tick_numerator, found.tick_denominator) == ("us", 1, 1)


def test_a_host_that_does_not_listen_costs_half_a_second_once(built):
    """What it left unread is not there for the next program, and the device is whole again."""
    requests = b"".join(encode(pack(hello(number, 200), number)) for number in range(1, 9))
    stood_still, replies = play(built, "deaf", requests)
    assert PATIENCE <= int(stood_still) < 1.5 * PATIENCE
    found = list(Decoder(1024).feed(bytes.fromhex(replies)))
    assert [reply.status for reply in found] == [FrameStatus.COMPLETE] * 8
    assert [reply.data[2] for reply in found] == list(range(1, 9))


def test_without_a_cable_nothing_waits(built):
    requests = b"".join(encode(pack(hello(number, 200), number)) for number in range(1, 9))
    (stood_still,) = play(built, "absent", requests)
    assert int(stood_still) < 1000


def strings(lines):
    for line in lines:
        data = bytes.fromhex(line)
        assert (data[0], data[1]) == (len(data), 3)
        yield data[2:].decode("utf-16-le")


def descriptors(data):
    """Split a configuration into its descriptors, each of which begins with its length."""
    while data:
        assert 2 <= data[0] <= len(data)
        yield data[: data[0]]
        data = data[data[0] :]


def test_usb_describes_one_serial_port_with_the_chips_number(built):
    device, configuration, language, *rest = play(built, "usb")
    fields = struct.unpack("<BBHBBBBHHHBBBB", bytes.fromhex(device))
    assert fields[:3] == (18, 1, 0x0200)
    assert fields[3:6] == (0xEF, 2, 1)  # else Windows loads no driver for a pair of interfaces
    assert fields[7:9] == (0x2E8A, 0x000A)
    assert fields[10:] == (1, 2, 3, 1)
    assert bytes.fromhex(language) == b"\x04\x03\x09\x04"
    assert list(strings(rest[:3])) == ["nonn-mcu", "pico", "E66058388348892F"]
    whole = bytes.fromhex(configuration)
    parts = list(descriptors(whole))
    assert struct.unpack("<H", whole[2:4]) == (len(whole),)
    assert [part[1] for part in parts if part[1] != 0x24] == [2, 11, 4, 5, 4, 5, 5]
    endpoints = {part[2]: struct.unpack("<H", part[4:6])[0] for part in parts if part[1] == 5}
    assert endpoints == {0x81: 8, 0x02: 64, 0x82: 64}
    assert rest[3:] == ["9600", "115200", "1200", "boot loader 0 0"]


def test_the_sdk_is_told_all(built, pocket):
    told = (built / "told.txt").read_text().splitlines()
    assert told == [
        "pico_enable_stdio_usb 0",
        "pico_enable_stdio_uart 0",
        "pico_set_program_name pocket",
        "pico_set_program_description int8 model behind the nonn-mcu protocol",
        f"pico_set_program_version {__version__}",
        "pico_add_extra_outputs ",
    ]
    commands = (built / "CMakeFiles" / "firmware.dir" / "flags.make").read_text()
    assert pocket.manifest.model_sha256 in commands


@pytest.mark.parametrize(
    ("settings", "version", "expected"),
    [
        (("-DPICO_SDK_PATH=",), "2.2.0", "No Pico SDK: give -DPICO_SDK_PATH=DIR"),
        (("-DPICO_SDK_PATH=/",), "2.2.0", "no Pico SDK there (pico_sdk_init.cmake is missing)"),
        ((), "1.5.1", "Pico SDK 1.5.1: 2.0.0 or newer is needed"),
        (("-DFAKE_WITHOUT_TINYUSB=1",), "2.2.0", "git submodule update --init lib/tinyusb"),
    ],
)
def test_what_is_missing_is_said(settings, version, expected, exported, tmp_path):
    code, said = configure(exported("pico-sdk"), tmp_path / "build", *settings, version=version)
    assert code != 0 and expected in said


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ((), "TFLM_ROOT is not set"),
        (("-DPICO_TFLMICRO_PATH=/",), "PICO_TFLMICRO_PATH=/: no pico-tflmicro there"),
    ],
)
def test_tflm_that_is_missing_is_said(settings, expected, exported, tmp_path):
    code, said = configure(exported("pico-sdk", "tflm"), tmp_path / "build", *settings)
    assert code != 0 and expected in said


def test_the_environment_names_the_sdk(exported, tmp_path, monkeypatch):
    monkeypatch.setenv("PICO_SDK_PATH", str(SDK))
    command = ["cmake", "-S", exported("pico-sdk"), "-B", tmp_path, "-DFAKE_SDK_VERSION=2.0.0"]
    assert subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize("core", CORES)
def test_it_compiles_for_each_core_without_a_warning(core, exported, tmp_path):
    if shutil.which("arm-none-eabi-gcc") is None:
        pytest.skip("needs arm-none-eabi-gcc")
    folder = exported("pico-sdk")
    defined = [f"-DPICO_RP2040={CORES[core]}", '-DPICO_BOARD="pico"']
    defined += ['-DNONN_MODEL_NAME="m"', '-DNONN_MODEL_SHA256="0"']
    done = subprocess.run(
        [
            *("arm-none-eabi-gcc", "-std=gnu11", "-mthumb", f"-mcpu={core}", *STRICT.split(), *defined),
            *("-I", folder, "-I", folder / "port", "-I", SDK, "-c", *sorted(folder.rglob("*.c"))),
        ],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 0, done.stderr
