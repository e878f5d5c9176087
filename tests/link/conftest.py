"""Programs built once, and boards and clients that a test starts."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from fake_board import FakeBoard, build

from nonn_mcu.link.client import Device
from nonn_mcu.link.flaky import Faults, FlakyPort
from nonn_mcu.link.ports import SerialPort


@pytest.fixture(scope="session")
def frame_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("frame") / "frames", "frame_process.c")


@pytest.fixture(scope="session")
def device_program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build(tmp_path_factory.mktemp("device") / "device", "fake_device.c", "fake_model.c")


@pytest.fixture
def board(device_program: Path) -> Iterator[Callable[..., FakeBoard]]:
    """Start a board: ``board("survives")``."""
    with ExitStack() as stack:

        def start(*options: str) -> FakeBoard:
            started = FakeBoard(device_program, *options)
            stack.callback(started.stop)
            return started

        yield start


@pytest.fixture
def connect() -> Iterator[Callable[..., Device]]:
    """Open a client on a board: ``connect(board, Faults(drop=0.01), seed=1)``."""
    with ExitStack() as stack:

        def start(
            board: FakeBoard, faults: Faults | None = None, *, seed: int = 0, patience: float = 20
        ) -> Device:
            port = SerialPort(board.path)
            flaky = FlakyPort(port, faults, seed=seed) if faults else port
            return stack.enter_context(Device(flaky, patience=patience))

        yield start
