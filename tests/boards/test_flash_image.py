"""Images: whatever the format, the program's bytes are found, and what is damaged or foreign is refused."""

import hashlib
import struct

import pytest
from support import images

from nonn_mcu import boards
from nonn_mcu.boards import image
from nonn_mcu.errors import BadInput, WrongModel

DIGEST = hashlib.sha256(b"the model").digest()
PROGRAM = bytes(range(256)) * 3 + b"\xc0" * 250 + DIGEST + b"tail"  # the digest lies across two UF2 blocks
PICO, NRF, NUCLEO, ESP = (boards.get(name) for name in ("pico", "nrf52840dk", "nucleo-l4r5zi", "esp32s3"))
FLASH = 0x10000000


@pytest.fixture
def write(tmp_path):
    def write(name, data):
        (tmp_path / name).write_bytes(data)
        return tmp_path / name

    return write


def check(path, board, digest=DIGEST):
    image.check(image.read(path), board, digest.hex(), path.parent)


@pytest.mark.parametrize(
    ("name", "data", "board"),
    [
        ("a.elf", images.elf([(FLASH, PROGRAM), (FLASH + 4096, b"data")]), PICO),
        ("no-suffix", images.elf([(FLASH, PROGRAM)]), PICO),
        ("a.uf2", images.uf2([(FLASH, PROGRAM)]), PICO),
        ("a.bin", PROGRAM, PICO),
        ("a.hex", images.intel_hex([(0, PROGRAM)]), NRF),
        ("a.HEX", images.intel_hex([(0xFFF0, PROGRAM)]), NRF),
        ("a.hex", images.intel_hex([(0x0800FF00, PROGRAM)]).replace(b"\n", b"\r\n"), NUCLEO),
        ("a.bin", PROGRAM, ESP),
    ],
)
def test_the_digest_is_found_in_every_format(name, data, board, write):
    path = write(name, data)
    check(path, board)
    with pytest.raises(WrongModel, match=r"does not contain the model of .* nothing was written"):
        check(path, board, hashlib.sha256(b"another model").digest())


def test_a_linked_firmware_holds_its_models_digest(stub_firmware, write):
    firmware = stub_firmware("mps2-an386").path
    digest = bytes([0x5A, 0x01]).ljust(32, b"\0")  # as in stub.c
    pieces = images.loaded(firmware.read_bytes())
    apart = [(FLASH + 0x10000 * i, content) for i, (_, content) in enumerate(pieces)]
    for path in (
        firmware,
        write("a.uf2", images.uf2(apart)),
        write("a.hex", images.intel_hex(apart)),
        write("a.bin", b"".join(content for _, content in pieces)),
    ):
        read = image.read(path)
        assert read.holds(digest) and not read.holds(digest[::-1]), path


GOOD = images.uf2([(FLASH, PROGRAM)])
WORKAROUND = images.uf2_block(0x10FFFF00, b"\xef" * 256, 0, 2, 0xE48BFF57)


def test_the_block_that_picotool_adds_for_the_rp2350_is_passed_over(write):
    pico2 = boards.get("pico2")
    check(write("a.uf2", WORKAROUND + images.uf2([(FLASH, PROGRAM)], 0xE48BFF59)), pico2)
    with pytest.raises(BadInput, match="family 0xe48bff59; pico takes family 0xe48bff56"):
        check(write("a.uf2", WORKAROUND + images.uf2([(FLASH, PROGRAM)], 0xE48BFF59)), PICO)
    with pytest.raises(BadInput, match="for 2 chip families"):
        check(write("a.uf2", GOOD + WORKAROUND), PICO)


def changed(block, place, value, size=4):
    """A good UF2 file with one field of one block changed."""
    data = bytearray(GOOD)
    at = block * 512 + place
    data[at : at + size] = value.to_bytes(size, "little")
    return bytes(data)


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("a.uf2", b"", "empty"),
        ("a.uf2", GOOD[:-1], "2559 bytes are no multiple of 512"),
        ("a.uf2", GOOD[:-512], "block 0 of 5 stands where 0 of 4"),
        ("a.uf2", GOOD[512:], "block 1 of 5 stands where 0 of 4"),
        ("a.uf2", GOOD[:512] * 5, "block 0 of 5 stands where 1 of 5"),
        ("a.uf2", changed(2, 508, 0), "block 2 has not the format's magic"),
        ("a.uf2", changed(1, 4, 7), "block 1 has not the format's magic"),
        ("a.uf2", changed(1, 8, 0), "block 1 is no program"),
        ("a.uf2", changed(1, 8, 0x2001), "block 1 is no program"),
        ("a.uf2", changed(1, 16, 0xFFFFFFFF), "holds 4294967295 bytes"),
        ("a.uf2", changed(1, 12, FLASH + 1), "at multiples of 256"),
        ("a.uf2", changed(1, 12, FLASH), "writes 0x10000000 twice"),
        ("a.uf2", changed(1, 12, 0xFFFFFF00), "for 0xffffff00, where pico has no flash"),
        ("a.uf2", changed(0, 28, 1), "for 2 chip families"),
        ("a.uf2", images.uf2([(FLASH, PROGRAM)], 0x57755A57), "family 0x57755a57; pico takes"),
        ("a.elf", images.elf([(FLASH, PROGRAM)], bits=2), "not the ELF of a microcontroller"),
        ("a.elf", images.elf([(FLASH, PROGRAM)], order=2), "not the ELF of a microcontroller"),
        ("a.elf", images.elf([(FLASH, PROGRAM)], kind=1), "no linked program"),
        ("a.elf", images.elf([(FLASH, PROGRAM)])[:-1], "cut off"),
        ("a.elf", images.elf([(FLASH, PROGRAM)])[:60], "damaged ELF"),
        ("a.elf", images.elf([(FLASH, PROGRAM)])[:4], "not the ELF"),
        ("a.elf", images.elf([]), "holds no program"),
        ("a.elf", images.elf([(0x08000000, PROGRAM)]), "for 0x08000000, where pico has no flash"),
        ("a.elf", images.elf([(FLASH + (2 << 20) - 8, PROGRAM)]), "where pico has no flash"),
        ("a.elf", images.elf([(FLASH, PROGRAM), (FLASH + 8, PROGRAM)]), "writes 0x10000008 twice"),
        ("a.hex", images.intel_hex([(FLASH, PROGRAM)], end=False), "cut off"),
        ("a.hex", images.intel_hex([(FLASH, PROGRAM)]).replace(b"FF", b"FE", 1), "line 10 is no record"),
        ("a.hex", b":00000001FE\n", "line 1 is no record"),
        ("a.hex", b":0300000001\n", "line 1 is no record"),
        ("a.hex", "\u0660\u0661".encode(), "line 1 is no record"),
        ("a.hex", images.intel_hex([]), "holds no program"),
        ("a.bin", bytes(3 << 20), "larger than the 2,097,152 bytes of pico's flash"),
        ("a.txt", b"hello", "not an image that can be flashed"),
    ],
)
def test_what_is_damaged_or_foreign_is_refused_in_one_line(name, data, message, write):
    with pytest.raises(BadInput, match=message) as caught:
        check(write(name, data), PICO)
    assert "\n" not in str(caught.value) and str(caught.value).startswith(str(write(name, data)))


def test_headers_that_load_the_same_bytes_a_thousand_times_do_not_fill_the_memory(write):
    content = bytes(1 << 20)
    data = bytearray(images.elf([(FLASH, content)]))
    data += data[52:84] * 60_000
    struct.pack_into("<I", data, 28, len(data) - 32 * 60_000)
    struct.pack_into("<H", data, 44, 60_000)
    with pytest.raises(BadInput, match="damaged ELF"):
        image.read(write("a.elf", bytes(data)))


@pytest.mark.parametrize("path", [".", "nothing.elf"])
def test_a_file_that_cannot_be_read(path, tmp_path):
    with pytest.raises(BadInput, match="cannot be read"):
        image.read(tmp_path / path)
