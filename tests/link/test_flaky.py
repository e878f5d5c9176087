"""Through a line that drops, corrupts, duplicates, splits and delays bytes, every result is right."""

import random
import threading
from collections.abc import Callable

import numpy as np
import pytest
from fake_board import FakeBoard, fake_result, random_inputs

from nonn_mcu.link.client import Device
from nonn_mcu.link.flaky import Faults, FlakyPort

Board = Callable[..., FakeBoard]
Connect = Callable[..., Device]
EVERYTHING = Faults(drop=0.01, corrupt=0.01, duplicate=0.01, split=0.01, delay=0.01)


def run_vectors(device: Device, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    for _ in range(count):
        inputs = random_inputs(rng)
        for found, wanted in zip(device.run(inputs), fake_result(*inputs), strict=True):
            np.testing.assert_array_equal(found, wanted)


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.long)], ids=["quick", "long"])
def test_no_vector_is_lost_or_wrong_at_one_percent_of_each_fault(
    board: Board, connect: Connect, count: int
) -> None:
    device = connect(board(), EVERYTHING, seed=1)
    run_vectors(device, count, seed=1)
    assert device.counters.damaged > count  # it was a bad line
    assert device.stats().corrupt > count


@pytest.mark.parametrize("fault", ["drop", "corrupt", "duplicate", "split", "delay"])
def test_each_fault_alone(board: Board, connect: Connect, fault: str) -> None:
    device = connect(board(), Faults(**{fault: 0.03}), seed=2)
    run_vectors(device, 10, seed=2)
    if fault in ("split", "delay"):
        assert device.counters.damaged == 0  # late and in pieces, but whole


def test_resets_on_a_bad_line(board: Board, connect: Connect) -> None:
    fake, when, done = board("banner"), random.Random(3), threading.Event()
    device = connect(fake, Faults(drop=0.003, corrupt=0.003, duplicate=0.003, split=0.01, delay=0.01), seed=3)
    device.hello()

    def reset_now_and_then() -> None:
        while not done.wait(when.uniform(0.0, 0.2)):
            fake.reset()

    thread = threading.Thread(target=reset_now_and_then)
    thread.start()
    try:
        run_vectors(device, 60, seed=3)
    finally:
        done.set()
        thread.join()


class Wire:
    """A port that gives back what was written."""

    name, baud = "wire", 115200

    def __init__(self) -> None:
        self.data = b""

    def read(self, timeout: float) -> bytes:
        taken, self.data = self.data, b""
        return taken

    def write(self, data: bytes) -> None:
        self.data += data

    def close(self) -> None:
        pass


def through(faults: Faults, seed: int, data: bytes, piece: int) -> bytes:
    port, out = FlakyPort(Wire(), faults, seed=seed), b""
    for at in range(0, len(data), piece):
        port.write(data[at : at + piece])
        while got := port.read(0.1):
            out += got
    return out


def test_the_seed_decides_every_bytes_fate() -> None:
    data = random.Random(4).randbytes(20_000)
    faults = Faults(drop=0.01, corrupt=0.01, duplicate=0.01)
    first = through(faults, 1, data, 1000)
    assert first == through(faults, 1, data, 1000) == through(faults, 1, data, 7)
    assert first != through(faults, 2, data, 1000)
    assert through(Faults(), 1, data, 1000) == data
    for fault, low, high in (
        ("drop", 19_400, 19_800),
        ("corrupt", 20_000, 20_001),
        ("duplicate", 20_200, 20_600),
    ):
        assert low <= len(through(Faults(**{fault: 0.01}), 1, data, 1000)) < high
