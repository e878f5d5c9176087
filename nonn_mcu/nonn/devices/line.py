"""A device and the one thread that talks to it, so that several devices work at the same time."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from queue import SimpleQueue
from typing import Any, TypeVar

from nonn_mcu.errors import NonnError
from nonn_mcu.link.client import Device
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.replies import Hello

T = TypeVar("T")

# How long all lines together may take to end what they are at.
_CLOSING_SECONDS = 0.5


class Line:
    """Does with the device on ``port`` what it is asked to, one after the other, in a thread of its own.

    ``hello`` is what the device said, or why there is none.
    """

    def __init__(self, port: str, baud: int, patience: float) -> None:
        self.port = port
        self._tasks: SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = SimpleQueue()
        self._device: Device | None = None
        # a daemon, so that Ctrl-C need not wait for a silent device
        self._thread = threading.Thread(target=self._serve, name=f"line {port}", daemon=True)
        self._thread.start()
        self.hello: Future[Hello] = self._submit(lambda: self._open(baud, patience))

    def ask(self, task: Callable[[Device], T]) -> Future[T]:
        """Let the thread do ``task``; what it raises is the future's. Only after a hello."""

        def work() -> T:
            assert self._device is not None
            return task(self._device)

        return self._submit(work)

    def close(self, deadline: Deadline) -> None:
        """Give the port back after what is at hand, and wait for that until the deadline."""
        self._tasks.put(None)
        self._thread.join(deadline.remaining())

    def _submit(self, work: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._tasks.put((future, work))
        return future

    def _open(self, baud: int, patience: float) -> Hello:
        self._device = Device.open(self.port, baud=baud, patience=patience)
        return self._device.hello()

    def _serve(self) -> None:
        while (item := self._tasks.get()) is not None:
            future, work = item
            try:
                future.set_result(work())
            except BaseException as error:  # a bug here must surface where the result is asked for
                future.set_exception(error)
        if self._device is not None:
            self._device.close()


@contextmanager
def lines(ports: Sequence[str], *, baud: int, patience: float) -> Iterator[dict[str, Line]]:
    """Open all ports at the same time, by name; ``patience`` is how many seconds a device may be silent."""
    opened = {port: Line(port, baud, patience) for port in ports}
    try:
        yield opened
    finally:
        deadline = Deadline.after(_CLOSING_SECONDS)
        for line in opened.values():
            line.close(deadline)


def hellos(opened: Mapping[str, Line]) -> tuple[dict[str, Hello], dict[str, NonnError]]:
    """Wait for what the devices say, by port, and for why others say nothing."""
    said: dict[str, Hello] = {}
    failed: dict[str, NonnError] = {}
    for port, line in opened.items():
        try:
            said[port] = line.hello.result()
        except NonnError as error:
            failed[port] = error
    return said, failed
