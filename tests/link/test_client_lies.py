"""The client against a line or a device that says something else than it should."""

import os
import pty
import threading
import time
import tty
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from fake_board import FakeBoard, assert_right, random_inputs

from nonn_mcu.errors import DeviceError, LinkError, LinkTimeout, WrongModel
from nonn_mcu.link import messages
from nonn_mcu.link.client import RECOVERIES, Device
from nonn_mcu.link.frame import Decoder, FrameStatus, encode
from nonn_mcu.link.ports import SerialPort

Board = Callable[..., FakeBoard]
Connect = Callable[..., Device]


class Puppet:
    """The other end of a pty, where the test answers for the device."""

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._ours, self._theirs = pty.openpty()
        tty.setraw(self._theirs)
        self.path = os.ttyname(self._theirs)
        self._answer = answer
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                data = os.read(self._ours, 4096)
            except OSError:
                return
            if not data:
                return
            reply = self._answer(data)
            if reply:
                os.write(self._ours, reply)

    def stop(self) -> None:
        for end in (self._theirs, self._ours):
            os.close(end)


@pytest.fixture
def puppet() -> Iterator[Callable[..., Puppet]]:
    puppets: list[Puppet] = []

    def start(answer: Callable[[bytes], bytes]) -> Puppet:
        puppets.append(Puppet(answer))
        return puppets[-1]

    yield start
    for made in puppets:
        made.stop()


def wrong_message(data: bytes) -> bytes:
    """Answer every request, by its number, as if it had been a READ of nothing."""
    contents = [content for status, content in Decoder(600).feed(data) if status is FrameStatus.COMPLETE]
    return b"".join(encode(b"\x85\x10" + content[2:4] + b"\x00") for content in contents)


SILENCE = {
    "answers to something else": (wrong_message, "only noise"),
    "nothing": (lambda data: b"", "not a byte"),
    "echo": (lambda data: data, "sends back what is sent"),
    "text": (lambda data: b"MicroPython v1.22\r\n>>> ", "but text .*MicroPython"),
    "noise": (
        lambda data: bytes([0xE5, 0x9A, 0x00, 0xFF, 0x81, 0x00, 0xC3]),
        "only noise: is 115200 the baud rate",
    ),
}


@pytest.mark.parametrize("kind", SILENCE)
def test_no_answer_says_what_it_looks_like(puppet: Callable[..., Puppet], kind: str) -> None:
    answer, says = SILENCE[kind]
    with Device(SerialPort(puppet(answer).path), patience=0.6) as device:
        started = time.monotonic()
        with pytest.raises(LinkTimeout, match=says):
            device.hello()
        assert 0.5 < time.monotonic() - started < 2


def man_in_the_middle(
    program_path: str, change: Callable[[messages.Reply], bytes]
) -> Callable[[bytes], bytes]:
    """Answer as the real board does, but with the bodies that ``change`` gives."""
    real, decoder = SerialPort(program_path), Decoder(600)

    def answer(data: bytes) -> bytes:
        real.write(data)
        out, received = b"", real.read(0.5)
        while received:  # a reply comes in several pieces
            for status, content in decoder.feed(received):
                reply = messages.parse_reply(content) if status is FrameStatus.COMPLETE else None
                out += encode(content[:4] + change(reply)) if reply else b""
            received = real.read(0.01)
        return out

    return answer


def changed(message: int, to: Callable[[bytes], bytes], after: int = 0) -> Callable[[messages.Reply], bytes]:
    """Change bodies (status first) of replies to ``message``, from the ``after``-th on."""
    seen = 0

    def change(reply: messages.Reply) -> bytes:
        nonlocal seen
        body = bytes([reply.status]) + reply.body
        seen += reply.message == message
        return to(body) if reply.message == message and seen > after else body

    return change


LIES = {
    "result not of the run": (
        changed(5, lambda b: b[:-1] + bytes([b[-1] ^ 1])),
        LinkError,
        f"{RECOVERIES + 1} times",
    ),
    "stale for ever": (changed(5, lambda b: b"\x0a"), LinkError, f"{RECOVERIES + 1} times"),
    "inputs lost for ever": (changed(4, lambda b: b"\x09"), LinkError, f"{RECOVERIES + 1} times"),
    "too many tensor bytes": (changed(5, lambda b: b + b"x"), LinkError, "11 bytes of a tensor, not 10"),
    "too few tensor bytes": (changed(5, lambda b: b[:-1]), LinkError, "9 bytes of a tensor, not 10"),
    "a run without its CRC": (changed(4, lambda b: b[:3]), LinkError, "answered RUN with 2 bytes"),
    "a status of the future": (changed(3, lambda b: b"\x63"), DeviceError, "unknown status 99"),
    "another version": (changed(1, lambda b: b"\x01"), DeviceError, "speaks version 1 of the protocol"),
    "another model after a loss": (
        changed(1, lambda b: b.replace(b"fake", b"fate"), after=1),
        WrongModel,
        "was it flashed",
    ),
}


@pytest.mark.parametrize("name", LIES)
def test_lies_are_never_taken_for_results(puppet: Callable[..., Puppet], board: Board, name: str) -> None:
    change, error, says = LIES[name]
    if name == "another model after a loss":
        inner = change
        lose = changed(4, lambda b: b"\x09")

        def change(reply: messages.Reply) -> bytes:
            return lose(reply) if reply.message == 4 else inner(reply)

    fake = puppet(man_in_the_middle(board().path, change))
    with Device(SerialPort(fake.path), patience=5) as device, pytest.raises(error, match=says):
        device.run(random_inputs(np.random.default_rng(5)))


def test_late_and_repeated_answers_are_dropped(puppet: Callable[..., Puppet], board: Board) -> None:
    kept = b""
    inner = man_in_the_middle(board().path, lambda reply: bytes([reply.status]) + reply.body)

    def answer(data: bytes) -> bytes:
        """Each answer three times, and once more after the next."""
        nonlocal kept
        new = inner(data)
        out, kept = kept + new * 3, new
        return out

    rng = np.random.default_rng(6)
    with Device(SerialPort(puppet(answer).path), patience=5) as device:
        for _ in range(20):
            assert_right(device, rng)
        assert device.counters.late > 100
