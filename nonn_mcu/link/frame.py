"""Frames on the wire: 0x00, COBS(content, CRC-32 of content little endian), 0x00 (docs/protocol.md).

:class:`Decoder` reports the same statuses for the same bytes as firmware/link/decode.c; the table
tests/cases/frames.json and random strings hold the two together.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

from cobs import cobs

CRC_BYTES = 4
FRAME_MIN = 4  # the shortest content: a request's header


class FrameStatus(IntEnum):
    """What a run of bytes between two delimiters turned out to be; the first that applies."""

    COMPLETE = 1
    TOO_LONG = 2
    BAD_COBS = 3
    TOO_SHORT = 4
    BAD_CRC = 5

    @property
    def text(self) -> str:
        """The status in words."""
        return _TEXT[self]


_TEXT = {
    FrameStatus.COMPLETE: "a whole frame",
    FrameStatus.TOO_LONG: "longer than any frame",
    FrameStatus.BAD_COBS: "cut short in the middle of a block",
    FrameStatus.TOO_SHORT: "too short for a frame",
    FrameStatus.BAD_CRC: "damaged: the CRC-32 does not match",
}


class Received(NamedTuple):
    """``data`` is the content if COMPLETE, otherwise the bytes as they came (the first few, if TOO_LONG)."""

    status: FrameStatus
    data: bytes


def crc32(data: bytes, crc: int = 0) -> int:
    """CRC-32 as zlib's, of what ``crc`` was computed over followed by ``data``."""
    return zlib.crc32(data, crc)


def encode(content: bytes) -> bytes:
    """Wrap content as one frame, delimiters on both sides."""
    return b"\0" + cobs.encode(content + crc32(content).to_bytes(CRC_BYTES, "little")) + b"\0"


def wire_size(content: int) -> int:
    """Return the most bytes a frame of ``content`` bytes takes on the wire."""
    size = content + CRC_BYTES
    return size + -(-size // 254) + 2


class Decoder:
    """Takes bytes in pieces of any size; memory is bounded by ``capacity`` (longest content and its CRC)."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        # A longer run cannot fit: it costs a byte of code at the start and after each 254 at most.
        self._longest = capacity + capacity // 254 + 1
        self._pending = bytearray()

    def feed(self, data: bytes) -> Iterator[Received]:
        """Yield what each delimiter in ``data`` completes; empty runs yield nothing."""
        *finished, rest = data.split(b"\0")
        for part in finished:
            self._append(part)
            if self._pending:
                raw, self._pending = bytes(self._pending), bytearray()
                yield self._judge(raw)
        self._append(rest)

    @property
    def pending(self) -> int:
        """How many bytes have come since the last delimiter, as far as they are kept."""
        return len(self._pending)

    def _append(self, part: bytes) -> None:
        self._pending += part[: self._longest + 1 - len(self._pending)]

    def _judge(self, raw: bytes) -> Received:
        if len(raw) > self._longest:
            return Received(FrameStatus.TOO_LONG, raw)
        try:
            decoded = cobs.decode(raw)
        except cobs.DecodeError:
            too_long = _decoded_so_far(raw) > self._capacity
            return Received(FrameStatus.TOO_LONG if too_long else FrameStatus.BAD_COBS, raw)
        if len(decoded) > self._capacity:
            return Received(FrameStatus.TOO_LONG, raw)
        if len(decoded) < FRAME_MIN + CRC_BYTES:
            return Received(FrameStatus.TOO_SHORT, raw)
        content = decoded[:-CRC_BYTES]
        if crc32(content) != int.from_bytes(decoded[-CRC_BYTES:], "little"):
            return Received(FrameStatus.BAD_CRC, raw)
        return Received(FrameStatus.COMPLETE, content)


def _decoded_so_far(raw: bytes) -> int:
    """Return how many bytes a run that ends inside a block had decoded to."""
    at, zeros, blocks = 0, 0, 0
    while at < len(raw):
        code = raw[at]
        at += code
        blocks += 1
        zeros += code != 0xFF and at < len(raw)
    return len(raw) - blocks + zeros
