"""Hostile bytes against the device library under sanitizers: the invariants of docs/security.md."""

import random
import re
import subprocess
from pathlib import Path

import pytest
from fake_board import FIRMWARE
from hostile import BUFFER, MODELS, noise, random_request
from reference_device import ReferenceDevice

from nonn_mcu.link.frame import CRC_BYTES, Decoder, FrameStatus, encode
from nonn_mcu.link.messages import Status

CAMPAIGN = pytest.mark.parametrize(
    ("count", "seed"), [(20_000, 1), pytest.param(600_000, 2, marks=pytest.mark.long)], ids=["quick", "long"]
)


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


@CAMPAIGN
@MODELS
def test_every_request_gets_the_one_answer_the_reference_gives(
    device_program: Path, count: int, seed: int, options: tuple[str, ...]
) -> None:
    """Invariants 2 and 5 to 9: statuses, bodies, tensors and their guards, with noise in between."""
    seen = set()
    for start in range(0, count, 10_000):
        rng = random.Random(f"{seed} {start}")
        reference = ReferenceDevice(*options)
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
