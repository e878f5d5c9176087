"""``nonn-mcu flash``, from the command line to a device that says hello."""

import os
import shutil
import signal
import stat
import threading
import time
from pathlib import Path

import pytest
from support import images
from support.command import BOTH, check_error, finish, wait_until
from support.fake_esp32s3 import FakeEsp32S3

from nonn_mcu import bundle
from nonn_mcu.boards.tools import TOOLS
from nonn_mcu.link.client import Device

FLASH = 0x10000000


def digest(path):
    return bytes.fromhex(bundle.read(path).manifest.model_sha256)


@pytest.fixture
def merged(tmp_path):
    """Make an image for an ESP32 that holds a bundle's digest."""
    if TOOLS["esptool"].find() is None:
        pytest.skip("needs esptool")

    def merged(of):
        data = bytes(0x8000) + b"\xaa\x50" + b"program" + digest(of) + bytes(4000)
        (tmp_path / "merged.bin").write_bytes(data)
        return tmp_path / "merged.bin"

    return merged


def test_the_real_esptool_writes_a_chip_that_then_says_hello(cli, pocket, power_on, merged):
    image = merged(pocket)
    with FakeEsp32S3(lambda: power_on().port) as chip:
        order = ("flash", pocket, "--board", "esp32s3", "--image", image, "--port", chip.port)
        result = cli(*order, "--json")
        assert result.code == 0, result
        assert chip.flash[: len(image.read_bytes())] == image.read_bytes()
        found = result.json
        assert found["error"] is None and found["command"] == "flash"
        assert (found["board"], found["tool"], found["verified"]) == ("esp32s3", "esptool", True)
        assert found["image"] == str(image) and found["port"] == chip.port
        assert found["device"]["digest"] == digest(pocket).hex()
        assert "Hash of data verified" in result.err


def test_another_model_on_the_device_is_6(inside, made, power_on, merged, monkeypatch):
    monkeypatch.setattr("nonn_mcu.boards.appear.CHECK_SECONDS", 3.0)
    other = made / "others" / "other"
    with FakeEsp32S3(lambda: power_on().port) as chip:
        result = inside(
            "flash", other, "--board", "esp32s3", "--image", merged(other), "--port", chip.port, "--json"
        )
    check_error(
        result, 6, "WrongModel", f"written, but pocket ({digest(made / 'build' / 'pocket').hex()[:12]})"
    )


def test_a_device_that_stays_silent_is_3(inside, pocket, merged, monkeypatch):
    monkeypatch.setattr("nonn_mcu.boards.appear.CHECK_SECONDS", 1.0)
    with FakeEsp32S3() as chip:
        result = inside(
            "flash", pocket, "--board", "esp32s3", "--image", merged(pocket), "--port", chip.port, "--json"
        )
    check_error(result, 3, "NoDevice", "written, but no device says hello")


@pytest.fixture
def pico(tmp_path, pocket):
    """The disk of a board in BOOTSEL mode, and a UF2 file for it that holds the model of ``pocket``."""
    disk = tmp_path / "a disk"
    disk.mkdir()
    (disk / "INFO_UF2.TXT").write_text("UF2 Bootloader v3.0\nBoard-ID: RPI-RP2\n")
    image = tmp_path / "program.uf2"
    image.write_bytes(images.uf2([(FLASH, os.urandom(70_000) + digest(pocket))]))
    return disk, image


def test_a_uf2_file_is_copied_and_the_board_comes_back_later(cli, pico, pocket, power_on, tmp_path):
    disk, image = pico
    port = tmp_path / "port of the board"

    def board():
        wait_until((disk / "firmware.uf2").exists)
        wait_until(lambda: (disk / "firmware.uf2").stat().st_size == image.stat().st_size)
        (disk / "INFO_UF2.TXT").unlink()
        time.sleep(1)
        port.symlink_to(power_on().port)

    thread = threading.Thread(target=board)
    thread.start()
    result = cli(
        "flash", pocket, "--board", "pico", "--image", image, "--tool", "uf2", "--probe", disk, "--port", port
    )
    thread.join()
    assert result.code == 0, result
    assert (disk / "firmware.uf2").read_bytes() == image.read_bytes()
    first, following = result.out.splitlines()
    assert first.startswith("pocket (") and first.endswith(
        f"native runtime, answers on {port}, written with uf2"
    )
    assert following.startswith("Next: nonn-mcu verify ") and f"--port '{port}'" in following
    assert "copying 140,288 bytes" in result.err


@BOTH
def test_the_image_of_another_model_is_6_and_nothing_is_written(cli, pico, made, json):
    disk, image = pico
    other = made / "others" / "other"
    result = cli("flash", other, "--board", "pico", "--image", image, "--tool", "uf2", "--probe", disk, *json)
    check_error(result, 6, "WrongModel", "does not contain the model of")
    assert not (disk / "firmware.uf2").exists()


def test_without_an_image_it_is_found_or_the_way_to_one_is_told(cli, pico, pocket, tmp_path):
    disk, image = pico
    mine = tmp_path / "ein Büb el"
    shutil.copytree(pocket, mine, ignore=shutil.ignore_patterns("build"))
    order = ("flash", mine, "--board", "pico", "--tool", "uf2", "--probe", disk.parent)
    result = cli(*order)
    check_error(
        result, 2, "BadInput", f"nonn-mcu export '{mine}' --to pico-sdk, then: cmake -S '{mine}-pico-sdk'"
    )
    assert "-DPICO_BOARD=pico &&" in result.err

    build = tmp_path / f"{mine.name}-pico-sdk" / "build"
    build.mkdir(parents=True)
    (build / "a.uf2").write_bytes(images.uf2([(FLASH, b"older model")]))
    check_error(cli(*order), 6, "WrongModel", "a.uf2: does not contain the model")
    shutil.copy(image, build / "b.uf2")
    check_error(cli(*order), 3, "NoDevice", "is not the disk of a board")  # so it was content with the image
    check_error(cli("flash", mine, "--board", "pico2"), 2, "BadInput", "pico2 takes family 0xe48bff59")


@pytest.fixture
def fake_picotool(tmp_path):
    """Put a picotool of ours first on PATH; gives the environment."""

    def fake(text):
        (tmp_path / "bin").mkdir()
        path = tmp_path / "bin" / "picotool"
        path.write_text(f"#!/bin/sh\n{text}\n")
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return {"PATH": f"{path.parent}{os.pathsep}{os.environ['PATH']}"}

    return fake


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_tool_and_says_what_is_left(start, pico, pocket, fake_picotool, number):
    left = pico[1].with_name("child")
    env = fake_picotool(f"echo Loading: 10%; sleep 1; sleep 60 & echo $! > {left}; wait")
    process = start("flash", pocket, "--board", "pico", "--image", pico[1], env=env)
    wait_until(lambda: left.exists() and left.read_text().strip())
    process.send_signal(number)
    result = finish(process)
    assert result.code == 130 and result.out == ""
    assert "Loading: 10%\n" in result.err
    assert (
        "interrupted, picotool was ended: the flash of pico may be half-written; flash it again" in result.err
    )
    child = Path("/proc") / left.read_text().strip() / "cmdline"
    wait_until(lambda: not child.exists() or not child.read_bytes())


def test_a_failing_tool_is_explained_and_json_stays_json(cli, pico, pocket, fake_picotool):
    env = fake_picotool("echo 'ERROR: Communication with RP2040 device failed'; exit 3")
    result = cli("flash", pocket, "--board", "pico", "--image", pico[1], "--json", env=env)
    check_error(
        result, 4, "LinkError", "picotool: the connection broke, the flash of pico may be half-written"
    )
    assert result.err == "ERROR: Communication with RP2040 device failed\n"


@pytest.fixture
def copy(pocket, firmware, tmp_path):
    """A bundle of its own, whose builds land inside it."""
    if shutil.which("cmake") is None:
        pytest.skip("needs cmake")
    return shutil.copytree(pocket, tmp_path / "pocket", ignore=shutil.ignore_patterns("build"))


def first_line(process):
    line = b""
    while not line.endswith(b"\n"):
        line += os.read(process.stdout.fileno(), 1)
    return line.decode()


def test_an_emulated_board_is_started_and_runs_until_ctrl_c(cli, start, copy):
    assert cli("build", copy, "--board", "host", seconds=300).code == 0
    process = start("flash", copy, "--board", "host")
    line = first_line(process)
    port = line.split(" answers on ")[1].strip()
    with Device.open(port) as device:
        assert device.hello().model == "pocket"
    assert process.poll() is None
    process.send_signal(signal.SIGINT)
    result = finish(process)
    assert (result.code, result.err) == (0, "")
    assert "It runs until Ctrl-C." in result.out
    assert not os.path.exists(port)

    process = start("flash", copy, "--board", "host", "--json")
    for_port = ""
    while '"port"' not in for_port:
        for_port = first_line(process)
    port = for_port.split('"')[3]
    with Device.open(port) as device:
        device.hello()
    (pid,) = [pid for pid in os.listdir("/proc") if pid.isdigit() and is_firmware(pid, copy)]
    os.kill(int(pid), signal.SIGKILL)
    result = finish(process)
    assert (
        result.code == 4 and result.err == "error: host: the process ended with signal 9: it said nothing\n"
    )


def is_firmware(pid, copy):
    try:
        with open(f"/proc/{pid}/cmdline") as file:
            return file.read().startswith(str(copy))
    except OSError:
        return False


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--board", "esp8266"), "no board 'esp8266'; the boards are: host,"),
        (("--board", "pico", "--timeout", "0"), "--timeout 0.0: give seconds"),
        (("--board", "pico", "--timeout", "nan"), "--timeout nan: give seconds"),
        (("--board", "pico", "--port", ""), "--port is empty"),
        (("--board", "pico", "--image", "none.uf2"), "none.uf2: cannot be read"),
        (("--board", "host", "--port", "/dev/ttyS0"), "--port is for real boards; host is built and started"),
        (("--board", "host", "--tool", "esptool"), "--tool is for real boards"),
        (("--board", "mps2-an386", "--image", "x.elf"), "--image is for real boards"),
    ],
)
def test_what_cannot_be_is_2(arguments, words, inside, pocket):
    check_error(inside("flash", pocket, *arguments), 2, "BadInput", words)
    check_error(inside("flash", pocket, *arguments, "--json"), 2, "BadInput", words)


def test_help_fits_a_screen(inside, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    result = inside("flash", "--help")
    assert result.code == 0 and "nonn-mcu flash build/student --board pico" in result.out
    assert len(result.out.splitlines()) <= 36
