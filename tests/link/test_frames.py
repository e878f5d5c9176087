"""Both decoders, the device's under sanitizers, on one table and on random bytes."""

import json
import random
import struct
import subprocess
from pathlib import Path

import pytest

from nonn_mcu.link.frame import CRC_BYTES, FRAME_MIN, Decoder, FrameStatus, encode, wire_size

CASES = json.loads((Path(__file__).parents[1] / "cases" / "frames.json").read_text())
Events = list[tuple[FrameStatus, bytes | None]]  # the content if COMPLETE


def python_events(capacity: int, pieces: list[bytes]) -> Events:
    decoder = Decoder(capacity)
    return [
        (status, data if status is FrameStatus.COMPLETE else None)
        for piece in pieces
        for status, data in decoder.feed(piece)
    ]


def c_events(program: Path, streams: list[tuple[int, bytes]]) -> list[tuple[Events, bytes]]:
    """For each (capacity, bytes): what the C decoder made of it, and the C encoder's frame of it."""
    asked = b"".join(struct.pack("=II", capacity, len(data)) + data for capacity, data in streams)
    out = subprocess.run([str(program)], input=asked, capture_output=True, check=True).stdout
    at, results = 0, []

    def take(size: int) -> bytes:
        nonlocal at
        at += size
        return out[at - size : at]

    for _ in streams:
        events: Events = []
        for _ in range(struct.unpack("=I", take(4))[0]):
            status = FrameStatus(take(1)[0])
            complete = status is FrameStatus.COMPLETE
            events.append((status, take(struct.unpack("=I", take(4))[0]) if complete else None))
        results.append((events, take(struct.unpack("=I", take(4))[0])))
    assert at == len(out)
    return results


def expected(case: dict) -> Events:
    return [
        (FrameStatus[name], bytes.fromhex(content[0]) if content else None)
        for name, *content in case["events"]
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_python_decoder_on_the_table(case: dict) -> None:
    stream = bytes.fromhex(case["stream"])
    assert python_events(case["capacity"], [stream]) == expected(case)
    assert python_events(case["capacity"], [stream[i : i + 1] for i in range(len(stream))]) == expected(case)


def test_c_decoder_on_the_table(frame_program: Path) -> None:
    found = c_events(frame_program, [(case["capacity"], bytes.fromhex(case["stream"])) for case in CASES])
    for case, (events, _) in zip(CASES, found, strict=True):
        assert events == expected(case), case["name"]


def random_stream(rng: random.Random) -> bytes:
    """Noise, noise of the bytes that matter, or frames with a few bytes changed."""
    kind = rng.randrange(4)
    if kind == 0:
        return rng.randbytes(rng.randrange(1, 80)) + b"\0"
    if kind == 1:
        return bytes(rng.choices((0, 0, 1, 2, 3, 9, 24, 254, 255), k=rng.randrange(1, 80))) + b"\0"
    if kind == 2:
        return (
            bytes([255])
            + rng.randbytes(rng.choice((23, 24, 25, 253, 254, 255, 300))).replace(b"\0", b"\1")
            + b"\0"
        )
    frames = bytearray(
        b"".join(encode(rng.randbytes(rng.randrange(0, 26))) for _ in range(rng.randrange(1, 4)))
    )
    for _ in range(rng.randrange(3)):
        at = rng.randrange(len(frames))
        frames[at : at + rng.randrange(3)] = rng.randbytes(rng.randrange(3))
    return bytes(frames)


@pytest.mark.parametrize(
    ("count", "seed"),
    [(50_000, 1), pytest.param(1_200_000, 2, marks=pytest.mark.long)],
    ids=["quick", "long"],
)
def test_decoders_and_encoders_agree_on_random_bytes(frame_program: Path, count: int, seed: int) -> None:
    rng = random.Random(seed)
    seen = dict.fromkeys(FrameStatus, 0)
    for start in range(0, count, 5_000):
        streams = [
            (rng.choice((0, 8, 24, 25, 64, 254, 300)), random_stream(rng))
            for _ in range(min(5_000, count - start))
        ]
        for (capacity, stream), (events, frame) in zip(
            streams, c_events(frame_program, streams), strict=True
        ):
            assert python_events(capacity, [stream]) == events, (capacity, stream.hex())
            assert encode(stream) == frame, stream.hex()
            for status, _ in events:
                seen[status] += 1
    assert min(seen.values()) > count // 100  # every status was really reached, by good share


@pytest.mark.parametrize("size", [4, 5, 253, 254, 255, 508, 509, 1000, 32768])
@pytest.mark.parametrize("fill", [b"\0", b"\1", b"\xff", None], ids=["zeros", "ones", "0xFF", "random"])
def test_what_is_encoded_is_decoded_and_fits_the_promised_size(size: int, fill: bytes | None) -> None:
    content = fill * size if fill else random.Random(size).randbytes(size)
    frame = encode(content)
    assert len(frame) <= wire_size(size)
    assert python_events(size + CRC_BYTES, [frame]) == [(FrameStatus.COMPLETE, content)]
    assert python_events(size + CRC_BYTES - 1, [frame]) == [(FrameStatus.TOO_LONG, None)]


def test_python_decoder_holds_no_more_than_it_may() -> None:
    decoder = Decoder(64)
    for _ in range(1000):
        assert not list(decoder.feed(b"\xaa" * 1000))
        assert decoder.pending <= 64 + 4
    frame = encode(bytes(FRAME_MIN))
    assert [status for status, _ in decoder.feed(frame)] == [FrameStatus.TOO_LONG, FrameStatus.COMPLETE]
