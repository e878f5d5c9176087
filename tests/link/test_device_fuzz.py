"""Hostile bytes against the device library under sanitizers: the invariants of docs/security.md."""

import random
import re
import struct
import subprocess
from pathlib import Path

import pytest
from fake_board import FIRMWARE
from reference_device import PAYLOAD, ReferenceDevice

from nonn_mcu.link.frame import CRC_BYTES, Decoder, FrameStatus, crc32, encode
from nonn_mcu.link.messages import WHOLE, Status

BUFFER = 4 + 6 + PAYLOAD + CRC_BYTES
CAMPAIGN = pytest.mark.parametrize(
    ("count", "seed"), [(20_000, 1), pytest.param(600_000, 2, marks=pytest.mark.long)], ids=["quick", "long"]
)
EDGES = (0, 0, 0, 1, 2, 3, 4, 5, 9, 10, 11, 63, 64, 65, 99, 100, 101, 511, 512, 513, 0x7FFF, 0x8000, 0xFFFF)
WIDE_EDGES = (*EDGES, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)


def feed(program: Path, stream: bytes, *options: str) -> list[bytes]:
    """Send the bytes; return the contents of all frames that come back, and nothing else may come back.

    The first delimiter gives the line to the frames, as every client's does: until then it is text's.
    """
    done = subprocess.run([str(program), *options], input=b"\0" + stream, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode(errors="replace")
    received = list(Decoder(BUFFER + 1).feed(done.stdout))
    assert all(status is FrameStatus.COMPLETE for status, _ in received)
    assert done.stdout == b"".join(encode(content) for _, content in received)
    return [content for _, content in received]


def random_request(rng: random.Random, device: ReferenceDevice) -> bytes:
    """The content of a frame: mostly something a client could mean, with values at the edges."""
    edge, wide = rng.choice(EDGES), rng.choice(WIDE_EDGES)
    run_id = rng.choice((0, 1, 2, 3, 0xFFFFFFFF))
    kind = rng.choice((0, 1, 1, 2, 2, 3, 255))
    index = rng.choice((0, 0, 1, 2, 3, 0xFFFF))
    crc = crc32(bytes(device.inputs[0] + device.inputs[1]))
    load_index = rng.choice((0, 0, 1, 2))
    load_offset = rng.choice((0, 0, 1, 32, 60, 64, wide))
    message, body = rng.choice(
        (
            (1, struct.pack("<HH", edge, rng.choice(EDGES))),
            (2, struct.pack("<BHHH", kind, index, edge, rng.choice(EDGES))),
            (
                3,
                struct.pack("<HI", load_index, load_offset)
                + rng.randbytes(rng.choice((0, 1, 2, 3, 4, 64, 512))),
            ),
            (3, struct.pack("<HI", load_index, 0) + rng.randbytes((64, 3, 3)[load_index])),
            (
                4,
                struct.pack(
                    "<IIHH",
                    run_id,
                    crc,
                    rng.choice((0, 1, 2, WHOLE, WHOLE, 3)),
                    rng.choice((0, 1, 1, 1, 2, 5)),
                ),
            ),
            (4, struct.pack("<IIHH", run_id, rng.choice((crc, crc, crc ^ 1, 0)), index, 1)),
            (
                5,
                struct.pack(
                    "<BHIIH", kind, index, run_id, rng.choice((0, 0, 1, wide)), rng.choice((0, 5, 10, edge))
                ),
            ),
            (6, b""),
            (rng.randrange(256), rng.randbytes(rng.randrange(20))),
        )
    )
    if rng.random() < 0.05:
        body = body[: rng.randrange(len(body) + 1)] + rng.randbytes(rng.randrange(3))
    version = 0x10 if rng.random() < 0.95 else rng.randrange(256)
    return struct.pack("<BBH", message, version, rng.randrange(65536)) + body


def noise(rng: random.Random) -> bytes:
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(60))
    if kind == 1:
        return bytes(rng.choices((0, 0, 1, 2, 255), k=rng.randrange(60)))
    if kind == 2:
        return b"\xff" + rng.randbytes(rng.choice((BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER))).replace(
            b"\0", b"\1"
        )
    broken = bytearray(encode(rng.randbytes(rng.randrange(4, 40))))
    broken[rng.randrange(1, len(broken) - 1)] ^= 1 << rng.randrange(8)
    return bytes(broken)


@CAMPAIGN
@pytest.mark.parametrize("survives", [False, True], ids=["consumed", "survives"])
def test_every_request_gets_the_one_answer_the_reference_gives(
    device_program: Path, count: int, seed: int, survives: bool
) -> None:
    """Invariants 2 and 5 to 9: statuses, bodies, tensors and their guards, with noise in between."""
    seen = set()
    options = ("survives",) if survives else ()
    for start in range(0, count, 10_000):
        rng = random.Random(f"{seed} {start}")
        reference = ReferenceDevice(survives)
        stream, expected = [], []
        for _ in range(min(10_000, count - start)):
            content = random_request(rng, reference)
            stream.append((noise(rng) if rng.random() < 0.1 else b"") + b"\0" + encode(content))
            if crc_is_right_by_luck(stream[-1]):
                stream.pop()
                continue
            if len(content) + CRC_BYTES <= BUFFER and (answer := reference.answer(content)):
                expected.append(answer)
        answers = feed(device_program, b"".join(stream), *options)
        assert len(answers) == len(expected)
        for answer, (header, status, body) in zip(answers, expected, strict=True):
            assert (answer[:4], Status(answer[4])) == (header, status)
            assert body is None or answer[5:] == body
            seen.add((header[0] & 0x7F if header[0] < 0x87 else 0, status))
    reachable = {
        Status.OK,
        Status.BAD_INDEX,
        Status.BAD_RANGE,
        Status.STALE,
        Status.INPUT_MISMATCH,
        Status.BAD_VALUE,
    }
    assert reachable <= {status for _, status in seen}


def crc_is_right_by_luck(stream: bytes) -> bool:
    """Whether the noise before the last frame holds a frame of its own (it was made with a bit flipped)."""
    return sum(status is FrameStatus.COMPLETE for status, _ in Decoder(BUFFER).feed(stream)) > 1


@CAMPAIGN
def test_noise_is_never_answered_and_never_stops_the_next_request(
    device_program: Path, count: int, seed: int
) -> None:
    """Invariants 3 and 4: as many answers as the other decoder finds requests, the last one included."""
    rng = random.Random(f"noise {seed}")
    last = encode(b"\x06\x10\xef\xbe")
    for _ in range(count // 10_000):
        stream = b"".join(noise(rng) for _ in range(10_000)) + b"\0" + last
        whole = [
            content for status, content in Decoder(BUFFER).feed(stream) if status is FrameStatus.COMPLETE
        ]
        answers = feed(device_program, stream)
        assert len(answers) == sum(not content[0] & 0x80 for content in whole)
        assert answers[-1][:5] == b"\x86\x10\xef\xbe\x00"


def test_the_library_needs_nothing_but_memcpy_and_memset(tmp_path: Path) -> None:
    """Invariant 1: no allocation, no library that could allocate."""
    sources = [*FIRMWARE.glob("link/*.c"), *FIRMWARE.glob("device/*.c")]
    flags = ["-std=c99", "-Os", "-ffreestanding", "-fno-stack-protector", f"-I{FIRMWARE / 'include'}", "-c"]
    subprocess.run(["gcc", *flags, *map(str, sources)], check=True, cwd=tmp_path)
    objects = sorted(map(str, tmp_path.glob("*.o")))
    listing = subprocess.run(["nm", *objects], capture_output=True, text=True, check=True).stdout
    undefined = set(re.findall(r"^ +U (\w+)$", listing, re.MULTILINE))
    defined = set(re.findall(r"^\w+ [TtDdBbRr] (\w+)$", listing, re.MULTILINE))
    allowed = {"memcpy", "memset", "nonn_model", "_GLOBAL_OFFSET_TABLE_"}
    assert undefined - defined <= allowed


def test_the_library_has_no_recursion_and_a_bounded_stack(tmp_path: Path) -> None:
    """Invariant 10: each function's frame is fixed; the deepest chain of them is far below 1 KB."""
    sources = [*FIRMWARE.glob("link/*.c"), *FIRMWARE.glob("device/*.c")]
    flags = ["-std=c99", "-Os", "-fstack-usage", f"-I{FIRMWARE / 'include'}", "-c"]
    subprocess.run(["gcc", *flags, *map(str, sources)], check=True, cwd=tmp_path)
    rows = [line.split("\t") for file in tmp_path.glob("*.su") for line in file.read_text().splitlines()]
    assert len(rows) > 10
    assert {kind for _, _, kind in rows} == {"static"}
    assert sum(int(size) for _, size, _ in rows) < 2048
