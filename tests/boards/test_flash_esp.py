"""ESP32 chips: what goes where in flash, and the real esptool writing a pretended chip."""

import os

import pytest
from support.fake_esp32s3 import FakeEsp32S3

from nonn_mcu import boards
from nonn_mcu.boards import image
from nonn_mcu.boards.tools import TOOLS
from nonn_mcu.boards.tools.esptool import parts
from nonn_mcu.boards.tools.tool import Job
from nonn_mcu.errors import BadInput, DeviceError, LinkError, NoDevice
from nonn_mcu.link.deadline import Deadline

LAYOUT = """{"flash_files": {"0x0": "bootloader/boot.bin", "0x8000": "table.bin", "0x10000": "app.bin"},
 "extra_esptool_args": {"chip": "esp32s3"}}"""


@pytest.fixture
def idf(tmp_path):
    """The build folder of ESP-IDF, and a function that gives the parts of its application."""
    (tmp_path / "bootloader").mkdir()
    for name in ("bootloader/boot.bin", "table.bin", "app.bin"):
        (tmp_path / name).write_bytes(name.encode())

    def of(layout, name="app.bin"):
        (tmp_path / "flasher_args.json").write_text(layout)
        return parts(Job(image.read(tmp_path / name), boards.get("esp32s3"), "esp32s3"))

    return of


def test_what_esp_idf_built_goes_where_it_says(idf):
    assert idf(LAYOUT) == {0: b"bootloader/boot.bin", 0x8000: b"table.bin", 0x10000: b"app.bin"}


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        ("esp32s3", "esp32c3", "built for esp32c3, the board is an esp32s3"),
        ("bootloader/boot.bin", "../../secret", "does not belong to app.bin"),
        ("bootloader/boot.bin", "/etc/passwd", "does not belong to app.bin"),
        ("app.bin", "other.bin", "does not belong to app.bin"),
        ("table.bin", "none.bin", "none.bin cannot be read"),
        ("0x8000", "eight", "not what ESP-IDF writes"),
        ("flash_files", "files", "not what ESP-IDF writes"),
        ("{", "[" * 100_000, "not what ESP-IDF writes"),
        ("table.bin", "\\u0000", "not what ESP-IDF writes"),
    ],
)
def test_a_layout_that_cannot_be_right(before, after, message, idf):
    with pytest.raises(BadInput, match=message):
        idf(LAYOUT.replace(before, after))


def test_an_application_alone_is_refused_and_a_merged_image_is_not(tmp_path):
    def of(data):
        (tmp_path / "app.bin").write_bytes(data)
        return parts(Job(image.read(tmp_path / "app.bin"), boards.get("esp32s3"), "esp32s3"))

    merged = bytes(0x8000) + b"\xaa\x50" + bytes(100)
    assert of(merged) == {0: merged}
    with pytest.raises(BadInput, match="an application without its boot loader"):
        of(bytes(0x9000))


MERGED = os.urandom(0x8000) + b"\xaa\x50" + bytes(30_000)


@pytest.fixture
def write(tmp_path):
    """Write MERGED with the real program to the chip on a port."""
    program = TOOLS["esptool"].find()
    if program is None:
        pytest.skip("needs esptool")
    (tmp_path / "merged.bin").write_bytes(MERGED)

    def write(port):
        printed = []
        job = Job(image.read(tmp_path / "merged.bin"), boards.get("esp32s3"), "esp32s3", port)
        TOOLS["esptool"].write(program, job, Deadline.after(60), printed.append)
        return b"".join(printed).decode()

    return write


def test_the_real_esptool_writes_a_chip_and_reads_it_back(write):
    with FakeEsp32S3() as chip:
        printed = write(chip.port)
        assert chip.flash[: len(MERGED)] == MERGED
    assert "100.0%" in printed and "Hash of data verified" in printed


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        ({"chip_id": 5}, BadInput, "the chip is an ESP32-C3, not an ESP32-S3; choose another --board"),
        ({"goes_bad": True}, DeviceError, "what was read back is not what was written"),
        (
            {"dies_after": 60},
            LinkError,
            "the connection broke while writing, the flash of esp32s3 may be half",
        ),
    ],
)
def test_the_real_esptools_failures(fault, error, words, write):
    with FakeEsp32S3(**fault) as chip, pytest.raises(error, match=words):
        write(chip.port)


@pytest.mark.long
def test_a_silent_port(write):
    master, slave = os.openpty()
    with pytest.raises(NoDevice, match="no ESP32-S3 answers: hold BOOT"):
        write(os.ttyname(slave))
    os.close(master)
    os.close(slave)
