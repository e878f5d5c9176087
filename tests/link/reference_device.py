"""What the device of tests/link/fake_device.c must answer, said once more in Python from docs/protocol.md."""

import struct
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from fake_board import fake_head_result, fake_result

from nonn_mcu.link.frame import crc32
from nonn_mcu.link.messages import WHOLE, Status

PAYLOAD = 512
LENGTHS = {1: (4, 4), 2: (7, 7), 3: (6, 6 + PAYLOAD), 4: (12, 12), 5: (13, 13), 6: (0, 0)}


class Refused(Exception):
    """Carries the status."""


def refuse(status: Status) -> None:
    raise Refused(status)


def as_reset_leaves_it(block: int, size: int) -> bytearray:
    return bytearray((i * 37 + block * 11 + 5) & 0xFF for i in range(size))


@dataclass(frozen=True)
class Fake:
    """A model of tests/link/fake_model.c; for inputs, outputs and layers:"""

    sizes: tuple[tuple[int, ...], ...]  # in bytes
    ranks: tuple[tuple[int, ...], ...]
    names: tuple[tuple[int, ...], ...]  # their lengths
    blocks: tuple[int, ...]  # of the inputs
    compute: Callable[..., list[np.ndarray]]


FIRST = Fake(
    sizes=((64, 3), (10, 5), (100, 100, 10)),
    ranks=((4, 2), (2, 1), (3, 1, 2)),
    names=((5, 4), (6, 5), (3, 8, 3)),
    blocks=(0, 1),
    compute=fake_result,
)
HEAD = Fake(
    sizes=((6,), (6,), (6,)),
    ranks=((2,), (1,), (2,)),
    names=((5,), (7,), (4,)),
    blocks=(5,),
    compute=fake_head_result,
)


class ReferenceModel:
    """One of the device's models; ``runs`` counts what was really run."""

    def __init__(self, fake: Fake, survives: bool) -> None:
        self.fake, self.survives = fake, survives
        self.inputs = [as_reset_leaves_it(*pair) for pair in zip(fake.blocks, fake.sizes[0], strict=True)]
        self.run: tuple[int, int, int, int] | None = None
        self.results: list[bytes] = []
        self.runs = 0

    def crc(self) -> int:
        return crc32(b"".join(map(bytes, self.inputs)))

    def consume(self) -> None:
        """Leave in the inputs what a whole run does: the first output, in place of the first."""
        for data in self.inputs[1:]:
            data[:] = bytes(len(data))
        self.inputs[0][: len(self.results[0])] = self.results[0]

    def answer(self, message: int, body: bytes) -> bytes | None:
        handlers = {
            1: self._hello,
            2: self._describe,
            3: self._load,
            4: self._run,
            5: self._read,
            6: lambda _: None,
        }
        return handlers[message](body)

    def _hello(self, body: bytes) -> None:
        if struct.unpack("<HH", body)[0] > 60 + 5 + 4 + 6 + 4 + 4 + 5:
            refuse(Status.BAD_RANGE)

    def _describe(self, body: bytes) -> None:
        kind, index, offset, _ = struct.unpack("<BHHH", body)
        self._size(kind, index)
        if offset > 14 + 2 * self.fake.ranks[kind][index] + 1 + self.fake.names[kind][index]:
            refuse(Status.BAD_RANGE)

    def _load(self, body: bytes) -> bytes:
        index, offset = struct.unpack_from("<HI", body)
        if offset + len(body) - 6 > self._size(0, index):
            refuse(Status.BAD_RANGE)
        self.run = None
        self.inputs[index][offset : offset + len(body) - 6] = body[6:]
        return b""

    def _run(self, body: bytes) -> bytes:
        wanted = run_id, crc, last, times = struct.unpack("<IIHH", body)
        top = len(self.fake.sizes[2]) - 1
        if last > top and last != WHOLE:
            refuse(Status.BAD_INDEX)
        if run_id == 0 or times == 0:
            refuse(Status.BAD_VALUE)
        if times > 1 and not self.survives:
            refuse(Status.INPUT_CONSUMED)
        if self.run != wanted:
            if self.crc() != crc:
                refuse(Status.INPUT_MISMATCH)
            arrays = [np.frombuffer(bytes(data), np.int8) for data in self.inputs]
            self.results = [result.tobytes() for result in self.fake.compute(*arrays, min(last, top))]
            if last == top:
                del self.results[1:]  # of the layer alone
            self.run, self.runs = wanted, self.runs + 1
            if not self.survives:
                if last >= top:
                    self.consume()
                else:
                    self.inputs[1][:] = bytes(3)
        return crc32(b"".join(self.results)).to_bytes(4, "little")

    def _read(self, body: bytes) -> bytes:
        kind, index, run_id, offset, length = struct.unpack("<BHIIH", body)
        size = self._size(kind, index)
        if kind == 0:
            refuse(Status.BAD_INDEX)
        if offset + length > size or length > PAYLOAD:
            refuse(Status.BAD_RANGE)
        if self.run is None or run_id != self.run[0]:
            refuse(Status.STALE)
        last = self.run[2]
        if last != (WHOLE if kind == 1 else index):
            refuse(Status.STALE)
        return self.results[index if kind == 1 else 0][offset : offset + length]

    def _size(self, kind: int, index: int) -> int:
        if kind > 2 or index >= len(self.fake.sizes[kind]):
            refuse(Status.BAD_INDEX)
        return self.fake.sizes[kind][index]


class ReferenceDevice:
    """``answer`` gives the content of the reply; descriptions and statistics are given by status alone.

    The options are those of tests/link/fake_device.c: ``survives`` and ``head``.
    """

    def __init__(self, *options: str) -> None:
        self.models = [ReferenceModel(FIRST, "survives" in options)]
        if "head" in options:
            self.models.append(ReferenceModel(HEAD, False))

    def answer(self, content: bytes) -> tuple[bytes, Status, bytes | None] | None:
        """Return the reply's first four bytes, its status, and its body if that is known; None: no reply."""
        message, version, seq = struct.unpack_from("<BBH", content)
        if message & 0x80:
            return None
        try:
            status, body = Status.OK, self._body(message, version, content[4:])
        except Refused as refused:
            status, body = refused.args[0], b""
        return struct.pack("<BBH", message | 0x80, 0x10, seq), status, body

    def _body(self, message: int, version: int, body: bytes) -> bytes | None:
        if version >> 4 != 1:
            refuse(Status.UNSUPPORTED_VERSION)
        if version & 15 >= len(self.models):
            refuse(Status.NO_SUCH_MODEL)
        if message not in LENGTHS:
            refuse(Status.UNKNOWN_MESSAGE)
        if not LENGTHS[message][0] <= len(body) <= LENGTHS[message][1]:
            refuse(Status.BAD_LENGTH)
        return self.models[version & 15].answer(message, body)
