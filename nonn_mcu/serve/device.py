"""The device's side of docs/protocol.md for a model that something else runs: bytes in, bytes out.

It answers any bytes as the firmware does without its text commands: the same statuses, the same counts.
"""

from __future__ import annotations

import struct
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, Protocol

from nonn_mcu import __version__
from nonn_mcu.link.frame import CRC_BYTES, Decoder, FrameStatus, crc32, encode
from nonn_mcu.link.messages import HEADER_BYTES, PROTOCOL_VERSION, REPLY, WHOLE, Kind, Message, Status
from nonn_mcu.link.replies import MAX_RANK, TensorSpec

PAYLOAD = 512  # tensor bytes in one LOAD or READ, as the firmware's
_LOAD_BYTES = 6  # of a LOAD's body, before the tensor's bytes
_LONGEST_FRAME = HEADER_BYTES + _LOAD_BYTES + PAYLOAD + CRC_BYTES

_HEADER = struct.Struct("<BBH")
_HELLO = struct.Struct("<BBBBHHHHIIII32s")
_TENSOR = struct.Struct("<IfiBB")
_STATS = struct.Struct("<QIIIIIIIIIII")
# Shortest and longest body of each request.
_LENGTHS = {
    Message.HELLO: (4, 4),
    Message.DESCRIBE: (7, 7),
    Message.LOAD: (_LOAD_BYTES, _LOAD_BYTES + PAYLOAD),
    Message.RUN: (12, 12),
    Message.READ: (13, 13),
    Message.STATS: (0, 0),
}
_VERSION = [int(part) for part in __version__.split(".")[:3]]
_INVOKE_ERROR = 1  # an interpreter's errors have no numbers
_COUNT = 0xFFFFFFFF  # the firmware's counters are 32 bits and start over


class Model(Protocol):
    """What the device holds: int8 tensors, and how to run them. ``layers`` are in order of execution.

    ``sha256`` is that of the ``.tflite`` in hex, ``arena_bytes`` what the tensors take.
    """

    name: str
    runtime: str
    board: str
    core: str
    sha256: str
    arena_bytes: int
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    layers: tuple[TensorSpec, ...]

    def invoke(self, inputs: Sequence[bytes]) -> None:
        """Run the whole model on these inputs' bytes. Raises RuntimeError where that fails."""
        ...

    def output(self, index: int) -> bytes:
        """Give an output's bytes, as the last run left them."""
        ...

    def layer(self, index: int) -> bytes:
        """Give the bytes that a layer wrote in the last run."""
        ...


class _Run(NamedTuple):
    number: int
    input_crc: int
    last: int
    times: int


_NO_RUN = _Run(0, 0, 0, 0)


@dataclass
class _Counts:
    invocations: int = 0
    frames: int = 0
    corrupt: int = 0
    too_long: int = 0
    refused: int = 0


@dataclass
class _State:
    """``run`` is whose ``result`` is there, ``finished`` the last that went well, in ``ticks``."""

    inputs: list[bytearray]
    run: _Run = _NO_RUN
    finished: _Run = _NO_RUN
    result: tuple[bytes, ...] = ()
    ticks: int = 0
    counts: _Counts = field(default_factory=_Counts)


class _Refused(Exception):
    def __init__(self, status: Status, body: bytes = b"") -> None:
        self.status = status
        self.body = body


class Device:
    """Answers for one model. What arrives is bounded by the longest request."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._decoder = Decoder(_LONGEST_FRAME)
        self._state = _State([bytearray(spec.bytes) for spec in model.inputs])
        self._handlers = {
            Message.HELLO: self._hello,
            Message.DESCRIBE: self._describe,
            Message.LOAD: self._load,
            Message.RUN: self._run,
            Message.READ: self._read,
            Message.STATS: self._stats,
        }

    def take(self, data: bytes) -> bytes:
        """Take what came from the line, in pieces of any size, and return what goes back."""
        answers = []
        counts = self._state.counts
        for status, content in self._decoder.feed(data):
            if status is FrameStatus.COMPLETE:
                counts.frames += 1
                if not content[0] & REPLY:  # else an echo; answering it would never end
                    answers.append(encode(self._answer(content)))
            elif status is FrameStatus.TOO_LONG:
                counts.too_long += 1
            else:
                counts.corrupt += 1
        return b"".join(answers)

    def _answer(self, content: bytes) -> bytes:
        message, version, seq = _HEADER.unpack_from(content)
        try:
            status, body = Status.OK, self._dispatch(message, version, content[HEADER_BYTES:])
        except _Refused as refused:
            status, body = refused.status, refused.body
            self._state.counts.refused += 1
        return _HEADER.pack(message | REPLY, PROTOCOL_VERSION << 4, seq) + bytes([status]) + body

    def _dispatch(self, message: int, version: int, body: bytes) -> bytes:
        if version >> 4 != PROTOCOL_VERSION:
            _refuse(Status.UNSUPPORTED_VERSION)
        if version & 15:  # the number of a model; there is one
            _refuse(Status.NO_SUCH_MODEL)
        if message not in _LENGTHS:
            _refuse(Status.UNKNOWN_MESSAGE)
        shortest, longest = _LENGTHS[Message(message)]
        if not shortest <= len(body) <= longest:
            _refuse(Status.BAD_LENGTH)
        return self._handlers[Message(message)](body)

    def _hello(self, body: bytes) -> bytes:
        model = self._model
        fixed = _HELLO.pack(
            *_VERSION,
            1,  # the inputs are kept here, so they survive a run
            PAYLOAD,
            len(model.inputs),
            len(model.outputs),
            len(model.layers),
            model.arena_bytes,
            0,  # static RAM: not known
            1,  # a tick is a nanosecond
            1,
            bytes.fromhex(model.sha256),
        )
        texts = ((model.name, 63), (model.runtime, 15), (model.board, 31), (model.core, 31), ("ns", 15))
        return _slice(fixed + b"".join(_text(*text) for text in texts), *struct.unpack("<HH", body))

    def _describe(self, body: bytes) -> bytes:
        kind, index, offset, length = struct.unpack("<BHHH", body)
        spec = self._spec(kind, index)
        dims = spec.shape[:MAX_RANK]
        fixed = _TENSOR.pack(spec.bytes, spec.scale, spec.zero_point, 0, len(dims))
        return _slice(fixed + struct.pack(f"<{len(dims)}H", *dims) + _text(spec.name, 127), offset, length)

    def _load(self, body: bytes) -> bytes:
        index, offset = struct.unpack_from("<HI", body)
        data = body[_LOAD_BYTES:]
        _check_range(offset, len(data), self._spec(Kind.INPUT, index).bytes)
        self._state.run = _NO_RUN
        self._state.inputs[index][offset : offset + len(data)] = data
        return b""

    def _run(self, body: bytes) -> bytes:
        wanted = _Run(*struct.unpack("<IIHH", body))
        state = self._state
        if wanted.last != WHOLE and wanted.last >= len(self._model.layers):
            _refuse(Status.BAD_INDEX)
        if not (wanted.number and wanted.times):
            _refuse(Status.BAD_VALUE)
        if wanted != state.run:  # else the reply was lost, and the result is still there
            if crc32(b"".join(state.inputs)) != wanted.input_crc:
                _refuse(Status.INPUT_MISMATCH)
            state.run = _NO_RUN
            state.ticks = self._invoke(wanted.times)
            state.result = self._result(wanted.last)
            state.run = state.finished = wanted
        return crc32(b"".join(state.result)).to_bytes(4, "little")

    def _invoke(self, times: int) -> int:
        inputs = [bytes(data) for data in self._state.inputs]
        start = time.perf_counter_ns()
        for _ in range(times):
            self._state.counts.invocations += 1
            try:
                self._model.invoke(inputs)
            except RuntimeError:
                raise _Refused(Status.INVOKE_FAILED, _INVOKE_ERROR.to_bytes(4, "little")) from None
        return time.perf_counter_ns() - start

    def _result(self, last: int) -> tuple[bytes, ...]:
        if last != WHOLE:
            return (self._model.layer(last),)
        return tuple(self._model.output(index) for index in range(len(self._model.outputs)))

    def _read(self, body: bytes) -> bytes:
        kind, index, number, offset, length = struct.unpack("<BHIIH", body)
        spec, run = self._spec(kind, index), self._state.run
        if kind == Kind.INPUT:
            _refuse(Status.BAD_INDEX)
        _check_range(offset, length, spec.bytes)
        if length > PAYLOAD:
            _refuse(Status.BAD_RANGE)
        if number == 0 or number != run.number or run.last != (WHOLE if kind == Kind.OUTPUT else index):
            _refuse(Status.STALE)
        return self._state.result[index if kind == Kind.OUTPUT else 0][offset : offset + length]

    def _stats(self, body: bytes) -> bytes:
        state, counts, arena = self._state, self._state.counts, self._model.arena_bytes
        counted = (counts.invocations, counts.frames, counts.corrupt, counts.too_long, counts.refused)
        return _STATS.pack(
            state.ticks,
            state.finished.number,
            state.finished.times,
            arena,
            arena,
            0,  # static RAM and stack: not known
            0,
            *(count & _COUNT for count in counted),
        )

    def _spec(self, kind: int, index: int) -> TensorSpec:
        by_kind = (self._model.inputs, self._model.outputs, self._model.layers)  # in the order of Kind
        if kind >= len(by_kind) or index >= len(by_kind[kind]):
            _refuse(Status.BAD_INDEX)
        return by_kind[kind][index]


def _refuse(status: Status) -> NoReturn:
    raise _Refused(status)


def _check_range(offset: int, length: int, size: int) -> None:
    if offset > size or length > size - offset:
        _refuse(Status.BAD_RANGE)


def _slice(whole: bytes, offset: int, length: int) -> bytes:
    """Cut [offset, offset + length) out of a description, behind the whole's size."""
    if offset > len(whole):
        _refuse(Status.BAD_RANGE)
    return len(whole).to_bytes(2, "little") + whole[offset : offset + length]


def _text(text: str, longest: int) -> bytes:
    """Make a length byte and the text, cut to ``longest``, with a ? for what is not printable ASCII."""
    data = bytes(c if 0x20 <= c < 0x7F else 0x3F for c in text.encode("utf-8", "replace")[:longest])
    return bytes([len(data)]) + data
