"""One request, one answer, over a line that may lose, damage, repeat and delay bytes.

Every transmission gets a sequence number of its own, and an answer to any transmission of the request at
hand will do; an answer to anything else is late and dropped. What is asked is safe to repeat
(docs/protocol.md), so a request is sent again as soon as its answer is overdue or arrives damaged.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from nonn_mcu.errors import LinkTimeout
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.frame import CRC_BYTES, Decoder, FrameStatus, encode, wire_size
from nonn_mcu.link.messages import (
    HEADER_BYTES,
    REPLY_HEADER_BYTES,
    Message,
    Reply,
    Request,
    pack,
    parse_reply,
)
from nonn_mcu.link.pace import Pace
from nonn_mcu.link.ports import Port

LONGEST_REPLY = REPLY_HEADER_BYTES + 32768 + CRC_BYTES
DESCRIPTION_PART = 240  # nearly always a whole description; what any device can send
_RECENT = 48  # bytes kept to tell a person what came instead of an answer


class Answer(NamedTuple):
    """A reply, and which request it answers."""

    request: Request
    reply: Reply


@dataclass
class Counters:
    """What happened on the line so far, in frames."""

    sent: int = 0
    answered: int = 0
    lost: int = 0  # transmissions without an answer in time
    damaged: int = 0  # runs of bytes that were neither a frame nor text
    late: int = 0  # answers to something else than what was asked


class _Sent(NamedTuple):
    request: Request
    moment: float
    size: int  # on the wire


class Exchange:
    """Asks on one port; ``payload`` is the most tensor bytes the device takes or gives in one message."""

    def __init__(self, port: Port) -> None:
        self.payload = DESCRIPTION_PART
        self.counters = Counters()
        self._pace = Pace(port.baud)
        self._port = port
        self._decoder = Decoder(LONGEST_REPLY)
        self._seq = secrets.randbits(16)  # an answer to an earlier process must not fit
        self._recent = b""
        self._echoed = False

    def ask(
        self, make: Callable[[int, int], Request], deadline: Deadline, *, offset: int = 0, room: int = 0
    ) -> Answer:
        """Send ``make(offset, length)``, ``length`` at most ``room``, until one transmission is answered.

        ``make`` is called for each attempt: what is lost again and again gets smaller. The answer's request
        says which length it answers. Raises LinkTimeout at the deadline, LinkError when the port is gone.
        """
        started = time.monotonic()
        self._recent, self._echoed = b"", False
        sent: dict[int, _Sent] = {}
        silent = 0  # attempts since the last sign of life
        while not deadline.expired():
            silent += 1
            request = make(offset, min(room, self.payload, self._pace.chunk))
            for _ in range(self._pace.copies()):
                self._send(request, sent)
            overdue = Deadline.after(self._pace.wait(_runs(request), _whole_size(request), silent))
            damaged = self.counters.damaged
            answer = self._await(sent, overdue.earlier(deadline))
            if answer is not None:
                self._pace.grow(self.payload)
                return answer
            self.counters.lost += 1
            self._pace.shrink(request.length)
            if self.counters.damaged > damaged:
                silent = 0
        raise LinkTimeout(self._why(time.monotonic() - started))

    def _send(self, request: Request, sent: dict[int, _Sent]) -> None:
        self._seq = (self._seq + 1) & 0xFFFF
        frame = encode(pack(request, self._seq))
        self._port.write(frame)
        sent[self._seq] = _Sent(request, time.monotonic(), len(frame))
        self.counters.sent += 1

    def _await(self, sent: dict[int, _Sent], overdue: Deadline) -> Answer | None:
        """Return the first fitting answer; None when overdue, or when what came was damaged."""
        while not overdue.expired():
            data = self._port.read(overdue.remaining())
            self._recent = (self._recent + data)[-_RECENT:]
            answer, damaged = None, False
            for status, content in self._decoder.feed(data):
                if status is not FrameStatus.COMPLETE:
                    if not _is_text(content):  # a board that starts greets in text
                        self.counters.damaged += 1
                        damaged = True
                elif answer is None:
                    answer = self._match(content, sent)
            if answer is not None:
                return answer
            if damaged:
                return None
        return None

    def _match(self, content: bytes, sent: dict[int, _Sent]) -> Answer | None:
        reply = parse_reply(content)
        asked = sent.get(reply.seq) if reply else None
        if reply is None or asked is None or reply.message != asked.request.message:
            self.counters.late += 1
            self._echoed |= reply is None
            return None
        self.counters.answered += 1
        size = asked.size + wire_size(len(content))
        self._pace.answered(_runs(asked.request), size, time.monotonic() - asked.moment)
        return Answer(asked.request, reply)

    def _why(self, seconds: float) -> str:
        """Say in one line what the silence, or the noise, suggests."""
        start = f"{self._port.name}: no answer in {seconds:.1f} s"
        if self._echoed:
            return f"{start}, the line sends back what is sent: no device there, or TX and RX joined"
        if not self._recent:
            return (
                f"{start}, not a byte: is it the right port, is the firmware running, are TX and RX swapped?"
            )
        printable = sum(0x20 <= byte < 0x7F or byte in b"\r\n\t" for byte in self._recent)
        if printable >= len(self._recent) * 0.9:
            text = self._recent.decode("ascii", "replace").strip()
            return f"{start}, but text ({text!a}): another firmware?"
        return f"{start}, only noise: is {self._port.baud} the baud rate, is it another firmware?"


def _is_text(data: bytes) -> bool:
    return all(0x20 <= byte < 0x7F or byte in b"\r\n" for byte in data)


def _runs(request: Request) -> int | None:
    return request.model if request.message is Message.RUN else None


def _whole_size(request: Request) -> int:
    """Return the bytes on the wire of request and reply together."""
    there = wire_size(HEADER_BYTES + len(request.body))
    return there + wire_size(REPLY_HEADER_BYTES + request.reply)
