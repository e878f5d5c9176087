"""Waiting and piece sizes follow the line."""

import random
import time
from collections import deque
from collections.abc import Callable

import numpy as np
import pytest
from fake_board import FakeBoard, fake_result, random_inputs

from nonn_mcu.link.client import Device
from nonn_mcu.link.pace import FIRST_WAIT, LONGEST_WAIT, SHORTEST_WAIT, SMALLEST_CHUNK, Pace
from nonn_mcu.link.ports import Port, SerialPort


def test_waiting_starts_generous_and_comes_down_to_what_the_line_needs() -> None:
    pace = Pace(115200)
    assert pace.wait(None, 100, 1) == pytest.approx(FIRST_WAIT + 100 * 10 / 115200)
    for _ in range(50):
        pace.answered(None, 100, 0.0005)
    assert pace.wait(None, 100, 1) < SHORTEST_WAIT + 0.001
    assert pace.wait(0, 100, 1) > FIRST_WAIT  # runs have learnt nothing yet
    for _ in range(50):
        pace.answered(None, 100, 0.2)  # the device has become slow
    assert 0.2 < pace.wait(None, 100, 1) < 0.4


def test_silence_makes_attempts_rarer_but_a_long_answer_is_still_waited_for() -> None:
    pace = Pace(115200)
    pace.answered(None, 100, 0.001)
    waits = [pace.wait(None, 100, silent) for silent in range(1, 200)]
    assert waits == sorted(waits)
    assert waits[5] == waits[0]
    assert waits[-1] == LONGEST_WAIT
    pace.answered(0, 100, 7.0)
    assert pace.wait(0, 100, 1) > 7.0 > pace.wait(1, 100, 1)  # another model is another estimate


@pytest.mark.parametrize("loss", [0.0, 0.1, 0.7, 1.0])
def test_pieces_stay_in_bounds_and_follow_the_loss(loss: float) -> None:
    pace, rng, sizes = Pace(115200), random.Random(1), []
    for _ in range(2000):
        if rng.random() < loss:
            pace.shrink(pace.chunk)
        else:
            pace.grow(512)
        sizes.append(pace.chunk)
    assert min(sizes) >= SMALLEST_CHUNK
    assert max(sizes[20:]) <= 512
    assert (np.mean(sizes) > 400) == (loss <= 0.1)
    assert pace.copies() == (2 if loss > 0.5 else 1)


class SlowLine:
    """A port on which each byte takes its time at ``baud``, one direction after the other."""

    def __init__(self, port: Port, baud: int) -> None:
        self.name, self.baud = port.name, baud
        self._port = port
        self._coming: deque[tuple[float, bytes]] = deque()
        self._free = 0.0

    def read(self, timeout: float) -> bytes:
        end = time.monotonic() + timeout
        while not self._coming:
            data = self._port.read(max(0.0, end - time.monotonic()))
            if not data:
                return b""
            self._free = max(self._free, time.monotonic()) + len(data) * 10 / self.baud
            self._coming.append((self._free, data))
        due, data = self._coming[0]
        time.sleep(max(0.0, min(due, end) - time.monotonic()))
        if due > end:
            return b""
        self._coming.popleft()
        return data

    def write(self, data: bytes) -> None:
        time.sleep(len(data) * 10 / self.baud)
        self._port.write(data)

    def close(self) -> None:
        self._port.close()


@pytest.mark.parametrize("baud", [9600, 115200])
def test_a_slow_line_is_not_taken_for_a_bad_one(board: Callable[..., FakeBoard], baud: int) -> None:
    with Device(SlowLine(SerialPort(board().path), baud)) as device:
        rng = np.random.default_rng(1)
        for _ in range(2 if baud == 9600 else 20):
            inputs = random_inputs(rng)
            np.testing.assert_array_equal(device.run(inputs)[0], fake_result(*inputs)[0])
        assert device.counters.lost <= device.counters.answered // 10
