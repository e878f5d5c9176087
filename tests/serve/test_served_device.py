"""The device in Python against the firmware's device library: the same bytes, the same answers."""

import random
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
from fake_board import build, fake_result

from nonn_mcu import __version__
from nonn_mcu.link.frame import CRC_BYTES, Decoder, FrameStatus, crc32, encode
from nonn_mcu.link.messages import WHOLE, Message, Status
from nonn_mcu.link.replies import TensorSpec, parse_hello
from nonn_mcu.serve.device import PAYLOAD, Device

BUFFER = 4 + 6 + PAYLOAD + CRC_BYTES
SIZES = (64, 3)  # of the inputs
EDGES = (0, 0, 0, 1, 2, 3, 4, 5, 9, 10, 11, 63, 64, 65, 99, 100, 101, 511, 512, 513, 0x7FFF, 0xFFFF)
WIDE_EDGES = (*EDGES, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
# What only the C device knows, by byte of a STATS reply: ticks, static RAM, stack.
OWN = (*range(5, 13), *range(29, 37))


class FakeModel:
    """The model of tests/link/fake_model.c whose inputs survive."""

    name, runtime, board, core = "fake", "native", "fake", "none"
    sha256 = bytes([1, 2, 3, 0, 255]).ljust(32, b"\0").hex()
    arena_bytes = 1234
    inputs = (TensorSpec("image", (1, 8, 8, 1), 0.5, -128, 64), TensorSpec("bias", (1, 3), 0.25, 0, 3))
    outputs = (TensorSpec("scores", (1, 10), 2**-8, -128, 10), TensorSpec("spare", (5,), 1, 127, 5))
    layers = (
        TensorSpec("mix", (4, 5, 5), 0.125, 1, 100),
        TensorSpec("twist\né", (100,), 0.125, 2, 100),
        TensorSpec("sum", (1, 10), 2**-8, -128, 10),
    )

    def __init__(self, good_runs=1 << 40):
        self._good_runs = good_runs

    def invoke(self, inputs):
        self._good_runs -= 1
        if self._good_runs < 0:
            raise RuntimeError("an operator failed")
        self._inputs = [np.frombuffer(data, np.int8) for data in inputs]

    def output(self, index):
        return fake_result(*self._inputs)[index].tobytes()

    def layer(self, index):
        return fake_result(*self._inputs, index)[0].tobytes()


@pytest.fixture(scope="session")
def c_device(tmp_path_factory) -> Path:
    return build(tmp_path_factory.mktemp("device") / "device", "fake_device.c", "fake_model.c")


def answers_of_c(program, stream, *options):
    done = subprocess.run([str(program), *options], input=stream, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b""), done.stderr.decode(errors="replace")
    return contents(done.stdout)


def contents(data):
    received = list(Decoder(BUFFER + 1).feed(data))
    assert all(status is FrameStatus.COMPLETE for status, _ in received)
    return [content for _, content in received]


def request(message, body, rng, version=0x10):
    return struct.pack("<BBH", message, version, rng.randrange(65536)) + body


def load(rng, index, data, offset=0):
    return request(Message.LOAD, struct.pack("<HI", index, offset) + data, rng)


def random_request(rng, inputs):
    """Mostly something a client could mean, with values at the edges; ``inputs`` are what was loaded."""
    edge, wide, run = rng.choice(EDGES), rng.choice(WIDE_EDGES), rng.choice((0, 1, 2, 3, 0xFFFFFFFF))
    kind, index = rng.choice((0, 1, 1, 2, 2, 3, 255)), rng.choice((0, 0, 1, 2, 3, 0xFFFF))
    offset = rng.choice((0, 0, 1, 32, 60, 64, wide))
    crc = rng.choice((crc32(b"".join(inputs)),) * 6 + (0,))
    last, times = rng.choice((0, 1, 2, WHOLE, WHOLE, 3)), rng.choice((0, 1, 1, 1, 2, 5))
    message, body = rng.choice(
        (
            (1, struct.pack("<HH", edge, rng.choice(EDGES))),
            (2, struct.pack("<BHHH", kind, index, edge, rng.choice(EDGES))),
            (3, struct.pack("<HI", index, offset) + rng.randbytes(rng.choice((0, 1, 3, 4, 64, 512)))),
            (4, struct.pack("<IIHH", run, crc, last, times)),
            (4, struct.pack("<IIHH", run, crc, last, times)),
            (5, struct.pack("<BHIIH", kind, index, run, offset, rng.choice((0, 5, 10, edge)))),
            (5, struct.pack("<BHIIH", kind, index, run, 0, rng.choice((0, 5, 10)))),
            (6, b""),
            (rng.randrange(256), rng.randbytes(rng.randrange(20))),
        )
    )
    if rng.random() < 0.05:
        body = body[: rng.randrange(len(body) + 1)] + rng.randbytes(rng.randrange(3))
    return request(message, body, rng, 0x10 if rng.random() < 0.95 else rng.randrange(256))


def noise(rng):
    broken = bytearray(encode(rng.randbytes(rng.randrange(4, 40))))
    broken[rng.randrange(1, len(broken) - 1)] ^= 1 << rng.randrange(8)
    return rng.choice(
        (
            rng.randbytes(rng.randrange(60)),
            bytes(rng.choices((0, 0, 1, 2, 255), k=rng.randrange(60))),
            b"\xff" + b"\1" * rng.choice((BUFFER - 1, BUFFER, BUFFER + 1, 3 * BUFFER)),
            b"boot\r\n",
            bytes(broken),
        )
    )


def stream_of(rng, count):
    """Bytes for a device, starting with whole inputs, since each device starts with its own."""
    inputs = [bytearray(rng.randbytes(size)) for size in SIZES]
    parts = [b"\0", *(encode(load(rng, index, bytes(data))) for index, data in enumerate(inputs))]
    for _ in range(count):
        content = random_request(rng, inputs)
        if len(content) + CRC_BYTES <= BUFFER and content[:2] == b"\x03\x10" and len(content) >= 10:
            index, offset = struct.unpack_from("<HI", content, 4)
            data = content[10:]
            if index < 2 and offset + len(data) <= SIZES[index]:
                inputs[index][offset : offset + len(data)] = data
        parts += [noise(rng) if rng.random() < 0.1 else b"", encode(content)]
    return b"".join(parts)


def feed_in_pieces(device, stream, rng):
    answers, at = [], 0
    while at < len(stream):
        piece = stream[at : at + rng.choice((1, 7, 600, 4096))]
        answers += contents(device.take(piece))
        at += len(piece)
    return answers


def without_what_differs(answer):
    if answer[0] == 0x81:  # the description holds another clock
        return answer[:5]
    if answer[0] == 0x86 and len(answer) > 50:
        return bytes(0 if at in OWN else byte for at, byte in enumerate(answer))
    return answer


@pytest.mark.parametrize(
    ("count", "seed"), [(15_000, 1), pytest.param(400_000, 2, marks=pytest.mark.long)], ids=["quick", "long"]
)
def test_any_bytes_get_the_firmwares_answers(c_device, count, seed):
    """Invariant 49: headers, statuses, bodies, descriptions and counters."""
    rng = random.Random(f"serve {seed}")
    seen = set()
    for _ in range(count // 5_000):
        stream = stream_of(rng, 5_000)
        expected = answers_of_c(c_device, stream, "survives")
        found = feed_in_pieces(Device(FakeModel()), stream, rng)
        assert len(found) == len(expected)
        for mine, theirs in zip(found, expected, strict=True):
            assert without_what_differs(mine) == without_what_differs(theirs)
            seen.add((mine[0] & 0x7F, Status(mine[4])))
    for message in (Message.LOAD, Message.RUN, Message.READ, Message.STATS):
        assert (message, Status.OK) in seen
    wanted = {1, 2, 3, 4, Status.BAD_INDEX, Status.BAD_RANGE, Status.BAD_VALUE}
    assert wanted | {Status.STALE, Status.INPUT_MISMATCH} <= {status for _, status in seen}


def test_hello_says_what_serves():
    (answer,) = contents(Device(FakeModel()).take(encode(b"\x01\x10\0\0" + struct.pack("<HH", 0, 512))))
    hello = parse_hello(answer[7:])
    assert int.from_bytes(answer[5:7], "little") == len(answer) - 7
    assert (hello.firmware, hello.payload, hello.input_survives) == (__version__, PAYLOAD, True)
    assert (hello.model, hello.runtime, hello.board, hello.core) == ("fake", "native", "fake", "none")
    assert (hello.tick_numerator, hello.tick_denominator, hello.tick_unit) == (1, 1, "ns")
    assert (hello.inputs, hello.outputs, hello.layers, hello.arena_bytes) == (2, 2, 3, 1234)
    assert hello.sha256 == FakeModel.sha256


def test_a_run_that_fails_is_answered_as_the_firmware_does(c_device):
    rng = random.Random(0)
    inputs = [rng.randbytes(size) for size in SIZES]
    crc = crc32(b"".join(inputs))
    contents_sent = [load(rng, index, data) for index, data in enumerate(inputs)]
    for number in (1, 1, 2, 1):  # the second is answered from what is there, the third fails
        contents_sent.append(request(Message.RUN, struct.pack("<IIHH", number, crc, WHOLE, 1), rng))
    contents_sent += [request(Message.READ, struct.pack("<BHIIH", 1, 0, 1, 0, 10), rng)]
    contents_sent += [request(Message.STATS, b"", rng)]
    stream = b"\0" + b"".join(map(encode, contents_sent))
    theirs = answers_of_c(c_device, stream, "survives", "fails-later")
    mine = contents(Device(FakeModel(good_runs=1)).take(stream))
    statuses = [0, 0, 0, 0, Status.INVOKE_FAILED, Status.INVOKE_FAILED, Status.STALE, 0]
    assert [answer[4] for answer in mine] == [answer[4] for answer in theirs] == statuses
    assert [len(answer) for answer in mine] == [len(answer) for answer in theirs]
    assert without_what_differs(mine[-1]) == without_what_differs(theirs[-1])
