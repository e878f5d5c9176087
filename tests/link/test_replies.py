"""What a device says about itself is believed in nothing (invariant 12 of docs/security.md)."""

import math
import random
import struct
from collections.abc import Callable

import pytest

from nonn_mcu.errors import LinkError
from nonn_mcu.link import replies
from nonn_mcu.link.messages import parse_reply


def text(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def hello(**changes: int | bytes) -> bytes:
    fields: dict[str, int | bytes] = {
        "major": 1, "minor": 2, "patch": 3, "flags": 1,
        "payload": 512, "inputs": 1, "outputs": 2, "layers": 3,
        "arena": 4000, "static": 5000, "numerator": 40, "denominator": 1, "digest": bytes(range(32)),
        "texts": b"".join(map(text, (b"kws", b"native", b"mps2-an386", b"cortex-m4", b"instructions"))),
    }  # fmt: skip
    fields |= changes
    *numbers, texts = fields.values()
    return struct.pack("<BBBBHHHHIIII32s", *numbers) + texts


def tensor(**changes: int | float | bytes) -> bytes:
    fields = {
        "bytes": 6,
        "scale": 0.5,
        "zero_point": -3,
        "dtype": 0,
        "rank": 2,
        "rest": b"\2\0\3\0" + text(b"x"),
    }
    fields |= changes
    *numbers, rest = fields.values()
    return struct.pack("<IfiBB", *numbers) + rest


def test_what_is_right_is_understood() -> None:
    said = replies.parse_hello(hello())
    assert (said.firmware, said.payload, said.input_survives, said.layers) == ("1.2.3", 512, True, 3)
    assert (said.sha256[:8], said.board, said.tick_unit) == ("00010203", "mps2-an386", "instructions")
    assert [replies.parse_hello(hello(flags=flags)).models for flags in (0, 1, 0x0E, 0x10, 0xF1)] == [
        1,
        1,
        1,
        2,
        16,
    ]
    spec = replies.parse_tensor(tensor())
    assert (spec.shape, spec.scale, spec.zero_point, spec.bytes, spec.name) == ((2, 3), 0.5, -3, 6, "x")
    assert replies.parse_tensor(tensor(bytes=1, rank=0, rest=text(b""))).shape == ()
    assert replies.parse_slice(b"\x05\x00ab", 3, 9) == (5, b"ab")


BAD: dict[str, tuple[Callable[[bytes], object], bytes]] = {
    "hello empty": (replies.parse_hello, b""),
    "hello without texts": (replies.parse_hello, hello(texts=b"")),
    "hello with four texts": (replies.parse_hello, hello(texts=text(b"a") * 4)),
    "hello with six texts": (replies.parse_hello, hello(texts=text(b"a") * 6)),
    "hello with a text that runs out": (replies.parse_hello, hello(texts=text(b"a") * 4 + b"\x09abc")),
    "hello with an escape sequence": (replies.parse_hello, hello(texts=text(b"\x1b[2J") + text(b"a") * 4)),
    "hello with bytes above ASCII": (replies.parse_hello, hello(texts=text("é".encode()) + text(b"a") * 4)),
    "no inputs": (replies.parse_hello, hello(inputs=0)),
    "no outputs": (replies.parse_hello, hello(outputs=0)),
    "no layers": (replies.parse_hello, hello(layers=0)),
    "no room for a payload": (replies.parse_hello, hello(payload=0)),
    "more room than a frame can have": (replies.parse_hello, hello(payload=0xFFFF)),
    "ticks of nothing": (replies.parse_hello, hello(denominator=0)),
    "tensor empty": (replies.parse_tensor, b""),
    "tensor not int8": (replies.parse_tensor, tensor(dtype=1)),
    "tensor of rank 7": (replies.parse_tensor, tensor(rank=7, bytes=1, rest=b"\1\0" * 7 + text(b"x"))),
    "tensor without its dimensions": (replies.parse_tensor, tensor(rest=b"\2\0")),
    "tensor whose shape is not its size": (replies.parse_tensor, tensor(bytes=7)),
    "tensor of no bytes": (replies.parse_tensor, tensor(bytes=0, rest=b"\0\0\3\0" + text(b"x"))),
    "tensor of 4 GB": (replies.parse_tensor, tensor(bytes=0xFFFE0001, rest=b"\xff\xff\xff\xff" + text(b"x"))),
    "scale 0": (replies.parse_tensor, tensor(scale=0.0)),
    "scale negative": (replies.parse_tensor, tensor(scale=-1.0)),
    "scale infinite": (replies.parse_tensor, tensor(scale=math.inf)),
    "scale not a number": (replies.parse_tensor, tensor(scale=math.nan)),
    "zero point no int8": (replies.parse_tensor, tensor(zero_point=128)),
    "bytes after the name": (replies.parse_tensor, tensor() + b"x"),
    "stats too short": (replies.parse_stats, bytes(47)),
    "stats too long": (replies.parse_stats, bytes(49)),
    "run without a CRC": (replies.parse_run, b"abc"),
    "a part without its size": (lambda body: replies.parse_slice(body, 0, 9), b"\x05"),
    "a part longer than asked": (lambda body: replies.parse_slice(body, 0, 2), b"\x05\x00abc"),
    "a part past the end": (lambda body: replies.parse_slice(body, 4, 9), b"\x05\x00ab"),
    "a part of nothing, again and again": (lambda body: replies.parse_slice(body, 0, 9), b"\x05\x00"),
    "a description that shrank": (lambda body: replies.parse_slice(body, 6, 9), b"\x05\x00"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_is_a_link_error(name: str) -> None:
    parse, body = BAD[name]
    with pytest.raises(LinkError) as caught:
        parse(body)
    assert "\n" not in str(caught.value)


def test_random_bytes_raise_nothing_but_link_errors() -> None:
    rng = random.Random(1)
    for _ in range(20_000):
        start = rng.choice((hello(), tensor(), b""))
        body = bytearray(start[: rng.randrange(len(start) + 1)] + rng.randbytes(rng.randrange(8)))
        for _ in range(rng.randrange(3)):
            if body:
                body[rng.randrange(len(body))] = rng.randrange(256)
        for parse in (replies.parse_hello, replies.parse_tensor, replies.parse_stats, replies.parse_run):
            try:
                parse(bytes(body))
            except LinkError:
                continue


def test_what_is_no_reply_is_none() -> None:
    assert parse_reply(b"\x81\x10\x00\x00") is None
    assert parse_reply(b"\x01\x10\x00\x00\x00") is None
    reply = parse_reply(b"\x81\x20\x34\x12\x63body")
    assert reply is not None
    assert (reply.message, reply.version, reply.seq, reply.status, reply.body) == (
        1,
        2,
        0x1234,
        0x63,
        b"body",
    )
