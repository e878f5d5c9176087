"""Hostile text, frames and noise on one line, against a reference in Python, under sanitizers.

The invariants of docs/security.md that text adds: 20 to 26. In the quick slice a few hundred kilobytes, in
the long campaign more than ten million.
"""

import random
import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_board import FIRMWARE
from hostile import MODELS, noise, random_request
from reference_text import CAPACITY, SIZE, ReferenceLine

from nonn_mcu.link.frame import Decoder, encode
from nonn_mcu.link.messages import Status

WORDS = ("name", "profile", "help", "timestamp", "db", "db load", "db print", "infer", "results", "start", "")
NUMBERS = ("0", "1", "2", "3", "-1", "67", "268", "269", "66", "64", "4", "8", "x", "007", "99999999999")
SPECIAL = ("name%name%", "db load", "\r\n", "%", "%%", "\0", "\0\0", "\x01\x10", "\xff", "\x80%", "name")
ANY_FRAME = b"\3\4\5"  # LOAD, RUN, READ: the reference knows all of their replies


def command(rng: random.Random) -> bytes:
    """One that a client could mean, nearly right."""
    kind = rng.random()
    if kind < 0.25:
        size = rng.choice((0, 1, 2, 8, 26, 31, 38, 39))
        digits = rng.randbytes(size).hex()
        text = f"db {digits.upper() if rng.random() < 0.3 else digits}"
    elif kind < 0.4:
        text = f"db load {rng.choice(NUMBERS)}"
    elif kind < 0.6:
        text = f"infer {rng.choice(NUMBERS[:5])} {rng.choice(NUMBERS[:5])}"
    elif kind < 0.65:
        text = rng.choice(WORDS) + "x" * rng.choice((70, 76, 77, 80, 81, 200))
    else:
        text = f"{rng.choice(WORDS)} {rng.choice(NUMBERS)}" if rng.random() < 0.2 else rng.choice(WORDS)
    if rng.random() < 0.1:
        text = text.replace(" ", "  ") + " "
    return text.encode() + (b"%" if rng.random() < 0.97 else b"")


def whole_load(rng: random.Random) -> bytes:
    """All of an input, as bytes or as floats, and mostly an inference on it."""
    floats = [rng.choice((0.0, 0.25, -0.25, 1e30, float("nan"), rng.uniform(-70, 70))) for _ in range(SIZE)]
    data = rng.randbytes(SIZE) if rng.random() < 0.7 else struct.pack(f"<{SIZE}f", *floats)
    chunk = rng.choice((26, 31))
    parts = [f"db {data[at : at + chunk].hex()}%" for at in range(0, len(data), chunk)]
    runs = rng.choice(("infer 1 0%", "infer 1 0%results%", "infer 3 2%", "infer%", ""))
    return f"name%db load {len(data)}%{''.join(parts)}{runs}".encode()


def frame(rng: random.Random, line: ReferenceLine) -> bytes:
    while (content := random_request(rng, line.device))[0] not in ANY_FRAME:
        pass
    if rng.random() < 0.05 and content[0] == 3:
        at = rng.randrange(min(10, len(content)), len(content) + 1)
        word = rng.choice((b"name%", b"infer 1 0%", b"name%name%", b"%db load 67%"))
        content = content[:at] + word + content[at:]
    return b"\0" * rng.randrange(2) + encode(content)[rng.random() < 0.02 :]


def damaged(rng: random.Random, data: bytes) -> bytes:
    spoiled = bytearray(data)
    for _ in range(rng.randrange(1, 4)):
        at = rng.randrange(len(spoiled) + 1)
        new = bytes([rng.choice((0, 10, 13, 32, 37, 48, 127, 128, 255, rng.randrange(256)))])
        spoiled[at : at + rng.randrange(2)] = new * rng.randrange(3)
    return bytes(spoiled)


def piece(rng: random.Random, line: ReferenceLine) -> bytes:
    """Something to send; a number of inferences never gets so large that they would take long."""
    if line.decoder is not None and rng.random() < 0.4:
        return b"name%"
    kind = rng.random()
    if kind < 0.55:
        data = b"".join(command(rng) for _ in range(rng.randrange(1, 6)))
    elif kind < 0.7:
        data = whole_load(rng)
    elif kind < 0.85:
        data = b"".join(frame(rng, line) for _ in range(rng.randrange(1, 4)))
    elif kind < 0.9:
        data = noise(rng)
    else:
        data = rng.choice(SPECIAL).encode("latin-1")
    if rng.random() < 0.1:
        data = damaged(rng, data)
    return data if not re.search(rb"infer[ 0-9]*[0-9]{4}", data) else b"%"


@MODELS
@pytest.mark.parametrize(
    "size", [150_000, pytest.param(5_500_000, marks=pytest.mark.long)], ids=["quick", "long"]
)
def test_any_bytes_are_answered_as_the_reference_answers_them(
    device_program: Path, options: tuple[str, ...], size: int, record_property: Callable[[str, object], None]
) -> None:
    """Invariants 2, 3, 5, 6, 9 and 20 to 25: every byte of every reply, and guards around every tensor."""
    sent = answered = inferences = refused = 0
    for part in range(-(-size // 500_000)):
        rng = random.Random(f"{size} {options} {part}")
        line, stream, expected = ReferenceLine(*options), bytearray(), bytearray()
        while len(stream) < min(size, 500_000):
            data = piece(rng, line)
            stream += data
            expected += line.feed(data)
        done = subprocess.run([str(device_program), *options], input=stream, capture_output=True, check=False)
        assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode(errors="replace")
        if done.stdout != expected:
            at = next(
                (i for i, (a, b) in enumerate(zip(done.stdout, expected, strict=False)) if a != b),
                min(len(done.stdout), len(expected)),
            )
            near = slice(max(0, at - 200), at + 100)
            pytest.fail(f"found {done.stdout[near]!r}, expected {bytes(expected[near])!r}")
        sent += len(stream)
        answered += line.ready
        inferences += expected.count(b"m-infer-done")
        refused += expected.count(b"e-[")
    figures = {"bytes": sent, "commands": answered, "errors": refused, "inferences": inferences}
    for name, figure in figures.items():
        record_property(name, figure)
    assert answered > sent // 200 and inferences > sent // 20_000 and refused > sent // 1000


def test_a_frame_with_text_in_it_is_a_frame(device_program: Path) -> None:
    """Invariant 21, for every position of the word in what LOAD carries."""
    stream = b""
    for at in range(512 - 5):
        data = bytearray(b"%infer 1 0%" * 47)[:512]
        data[at : at + 5] = b"name%"
        stream += encode(b"\3\x10" + struct.pack("<HHI", at, 0, 1 << 31) + data)
    done = subprocess.run([str(device_program)], input=stream, capture_output=True, check=True)
    replies = [content for _, content in Decoder(CAPACITY).feed(done.stdout)]
    assert replies == [b"\x83\x10" + struct.pack("<HB", at, Status.BAD_RANGE) for at in range(512 - 5)]


GARBAGE = (
    b"",
    b"\0",
    b"\xff",
    b"\0\xff\xfe",
    b"\0\1\x10",
    b"\0\x20\3\x10ab" * 9,
    b"nam",
    b"\0n",
    b"\0\xff\3\x10nam",
)


@pytest.mark.parametrize("garbage", GARBAGE, ids=repr)
def test_a_client_that_says_name_is_always_answered(device_program: Path, garbage: bytes) -> None:
    """Invariant 22: at once, or the second time, whatever came before."""
    stream = garbage + b"name%name%"
    done = subprocess.run([str(device_program)], input=stream, capture_output=True, check=True)
    assert done.stdout.endswith(b"m-name-dut-[nonn-mcu fake]\r\nm-ready\r\n")


def test_numbers_in_the_code_are_those_of_the_page() -> None:
    header = (FIRMWARE / "device" / "mlperf.h").read_text()
    page = (FIRMWARE.parent / "docs" / "mlperf.md").read_text()
    (longest,) = re.findall(r"NONN_LONGEST_COMMAND = (\d+)", header)
    assert f"{longest} characters" in page
