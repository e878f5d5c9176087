"""A port that misbehaves on request, to see what a program makes of a bad line.

>>> device = Device(FlakyPort(SerialPort("/dev/ttyACM0"), Faults(drop=0.01, corrupt=0.01), seed=1))
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.ports import Port


@dataclass(frozen=True)
class Faults:
    """Probabilities per byte, in both directions; ``longest_delay`` in seconds."""

    drop: float = 0.0
    corrupt: float = 0.0
    duplicate: float = 0.0
    split: float = 0.0  # what follows comes in a later read, or goes out in a later write
    delay: float = 0.0  # this byte and what follows are held back
    longest_delay: float = 0.002


class FlakyPort:
    """A :class:`~nonn_mcu.link.ports.Port` around another one; the seed decides each byte's fate."""

    def __init__(self, port: Port, faults: Faults, *, seed: int = 0) -> None:
        self.name = port.name
        self.baud = port.baud
        self._port = port
        self._faults = faults
        self._to_device = random.Random(2 * seed)
        self._from_device = random.Random(2 * seed + 1)
        self._arriving: deque[tuple[float, bytes]] = deque()  # when each piece is there, in order
        self._held_until = 0.0

    def read(self, timeout: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout`` seconds for the first byte."""
        deadline = Deadline.after(timeout)
        while True:
            self._receive(0.0 if self._arriving else deadline.remaining())
            if not self._arriving:
                return b""
            due, piece = self._arriving[0]
            if due > deadline.moment:
                _sleep(deadline.remaining())
                return b""
            _sleep(due - time.monotonic())
            self._arriving.popleft()
            if piece:
                return piece

    def write(self, data: bytes) -> None:
        """Send what is left of ``data``."""
        for pause, piece in self._mangle(data, self._to_device):
            _sleep(pause)
            if piece:
                self._port.write(piece)

    def close(self) -> None:
        """Close the port underneath."""
        self._port.close()

    def _receive(self, timeout: float) -> None:
        data = self._port.read(timeout)
        if not data:
            return
        now = time.monotonic()
        for pause, piece in self._mangle(data, self._from_device):
            self._held_until = max(now, self._held_until) + pause
            self._arriving.append((self._held_until, piece))

    def _mangle(self, data: bytes, fate: random.Random) -> Iterator[tuple[float, bytes]]:
        """Yield (seconds to wait, piece) for what becomes of ``data``."""
        faults, pause, piece = self._faults, 0.0, bytearray()
        for byte in data:
            if fate.random() < faults.delay:
                yield pause, bytes(piece)
                pause, piece = fate.uniform(0.0, faults.longest_delay), bytearray()
            elif fate.random() < faults.split:
                yield pause, bytes(piece)
                pause, piece = 0.0, bytearray()
            if fate.random() < faults.drop:
                continue
            kept = byte ^ (1 << fate.randrange(8)) if fate.random() < faults.corrupt else byte
            piece += bytes([kept]) * (2 if fate.random() < faults.duplicate else 1)
        yield pause, bytes(piece)


def _sleep(seconds: float) -> None:
    """Sleep, but do not hand over the processor for nothing."""
    if seconds > 0:
        time.sleep(seconds)
