"""The messages of docs/protocol.md: their names and numbers, and packing requests.

All integers are little endian. firmware/include/nonn/device.h has the same numbers for the device.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

PROTOCOL_VERSION = 1
REPLY = 0x80
MOST_MODELS = 16  # on one device
WHOLE = 0xFFFF  # as the last layer of a run: all of them, and the result is the outputs
OPENS_TEXT = b"name%name%"  # what a device takes for a command even inside a request (docs/mlperf.md)

_HEADER = struct.Struct("<BBH")  # type, version << 4 | model, sequence number
_SLICE = struct.Struct("<HH")  # offset, length
_DESCRIBE = struct.Struct("<BHHH")  # kind, index, offset, length
_LOAD = struct.Struct("<HI")  # input, offset
_RUN = struct.Struct("<IIHH")  # run, CRC-32 of the inputs, last layer, times
_READ = struct.Struct("<BHIIH")  # kind, index, run, offset, length

HEADER_BYTES = _HEADER.size
REPLY_HEADER_BYTES = _HEADER.size + 1
RESULT_BYTES = 4
STATS_BYTES = 52


class Message(IntEnum):
    """What a request asks for; its reply has the same type with :data:`REPLY` set."""

    HELLO = 0x01
    DESCRIBE = 0x02
    LOAD = 0x03
    RUN = 0x04
    READ = 0x05
    STATS = 0x06


class Kind(IntEnum):
    """Which of a model's tensors."""

    INPUT = 0
    OUTPUT = 1
    LAYER = 2


class Status(IntEnum):
    """How the device answered; ``text`` says it to a person."""

    OK = 0
    UNSUPPORTED_VERSION = 1
    NO_SUCH_MODEL = 2
    UNKNOWN_MESSAGE = 3
    BAD_LENGTH = 4
    BAD_INDEX = 5
    BAD_RANGE = 6
    BAD_VALUE = 7
    INPUT_CONSUMED = 8
    INPUT_MISMATCH = 9
    STALE = 10
    INVOKE_FAILED = 11
    START_FAILED = 12

    @property
    def text(self) -> str:
        """The status in words."""
        return _STATUS_TEXT[self]


_STATUS_TEXT = {
    Status.OK: "ok",
    Status.UNSUPPORTED_VERSION: "the device speaks another version of the protocol",
    Status.NO_SUCH_MODEL: "the device has no such model",
    Status.UNKNOWN_MESSAGE: "the device does not know this message",
    Status.BAD_LENGTH: "the message is shorter or longer than the device expects",
    Status.BAD_INDEX: "the model has no such tensor or layer",
    Status.BAD_RANGE: "offset and length reach outside the tensor",
    Status.BAD_VALUE: "a value of the request makes no sense",
    Status.INPUT_MISMATCH: "the input tensors do not hold what was sent",
    Status.INPUT_CONSUMED: "a run of this model overwrites its inputs, so it runs once per load",
    Status.STALE: "the tensor does not belong to that run any more",
    Status.INVOKE_FAILED: "the model failed to run",
    Status.START_FAILED: "the model did not start",
}


_TFLM_ERRORS = {
    1: "the library reads another version of the model's schema",
    2: "the library has no room for an operator or does not know it",
    3: "its tensors do not fit the arena; build with --fit-arena, or give it a larger one",
    4: "the library sees other tensors than the code was generated for; use one of its age",
    5: "an operator failed",
}


def runtime_error(runtime: str, code: int) -> str:
    """Say what a runtime's own error means; the numbers of TensorFlow Lite Micro are in nonn/tflm.h."""
    known = _TFLM_ERRORS.get(code) if runtime.startswith("tflm") else None
    return f"the runtime's error is {code}" + (f", {known}" if known else "")


class Request(NamedTuple):
    """What to send to one of the device's models.

    ``reply`` is the size of the answer's body, [offset, offset + length) the bytes that it is about.
    """

    message: Message
    body: bytes
    reply: int
    offset: int = 0
    length: int = 0
    model: int = 0


@dataclass(frozen=True)
class Reply:
    """A reply's header and body; ``version`` is the device's, ``status`` a :class:`Status` or a later one."""

    message: int
    version: int
    seq: int
    status: int
    body: bytes


def pack(request: Request, seq: int) -> bytes:
    """Pack the content of a request's frame; ``seq`` is 0..65535."""
    return _HEADER.pack(request.message, PROTOCOL_VERSION << 4 | request.model, seq) + request.body


def parse_reply(content: bytes) -> Reply | None:
    """Take a frame's content as a reply; None for what is none, such as the line's own echo."""
    if len(content) < REPLY_HEADER_BYTES or not content[0] & REPLY:
        return None
    message, version, seq = _HEADER.unpack_from(content)
    return Reply(message & ~REPLY, version >> 4, seq, content[_HEADER.size], content[REPLY_HEADER_BYTES:])


def hello(offset: int, length: int) -> Request:
    """Ask for bytes [offset, offset + length) of the device's description, or as many as there are."""
    return Request(Message.HELLO, _SLICE.pack(offset, length), 2 + length, offset, length)


def describe(kind: Kind, index: int, offset: int, length: int) -> Request:
    """Ask for bytes [offset, offset + length) of a tensor's description, or as many as there are."""
    return Request(Message.DESCRIBE, _DESCRIBE.pack(kind, index, offset, length), 2 + length, offset, length)


def load(index: int, data: bytes, offset: int, length: int) -> Request:
    """Write ``data[offset : offset + length]`` to the same place of input ``index``.

    The request is shorter where that would spell OPENS_TEXT; its ``length`` says what it carries.
    """
    word = data.find(OPENS_TEXT, offset, offset + length)
    if word >= 0:
        length = word + len(OPENS_TEXT) - 1 - offset
    body = _LOAD.pack(index, offset) + data[offset : offset + length]
    return Request(Message.LOAD, body, 0, offset, length)


def run(run_id: int, input_crc: int, last: int, times: int) -> Request:
    """Run layers 0..last, or the WHOLE model, ``times`` times on inputs that together have ``input_crc``."""
    return Request(Message.RUN, _RUN.pack(run_id, input_crc, last, times), RESULT_BYTES)


def read(kind: Kind, index: int, run_id: int, offset: int, length: int) -> Request:
    """Ask for bytes [offset, offset + length) of an output or layer as run ``run_id`` left it."""
    return Request(Message.READ, _READ.pack(kind, index, run_id, offset, length), length, offset, length)


def stats() -> Request:
    """Ask for the device's counters."""
    return Request(Message.STATS, b"", STATS_BYTES)
