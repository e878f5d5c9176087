"""A TCP port in front of a device's pseudo-terminal, where a test can spoil, delay and cut what passes."""

import os
import random
import select
import socket
import threading
import time
from collections.abc import Callable
from contextlib import contextmanager, suppress

Filter = Callable[[bytes], bytes]


class Bridge:
    """Serves one client at a time, who opens ``url``.

    ``to_device`` and ``to_host`` change what passes, ``passed`` counts the bytes to the host.
    ``device`` may be set to another pseudo-terminal while it runs, as if the board had been replaced.
    """

    def __init__(self, device: str, to_device: Filter = bytes, to_host: Filter = bytes) -> None:
        self.device = device
        self.to_device, self.to_host = to_device, to_host
        self.passed = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.url = f"socket://127.0.0.1:{self._server.getsockname()[1]}"
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def wait(self, count: int, seconds: float = 20) -> None:
        """Wait until that many bytes went to the host."""
        deadline = time.monotonic() + seconds
        while self.passed < count:
            assert time.monotonic() < deadline, f"only {self.passed} bytes passed"
            time.sleep(0.005)

    def close(self) -> None:
        """End it; the client sees the connection close."""
        self._stop.set()
        self._thread.join()
        self._server.close()

    def _serve(self) -> None:
        while not self._stop.is_set():
            if select.select([self._server], [], [], 0.02)[0]:
                client, _ = self._server.accept()
                with client, suppress(OSError):
                    self._pump(client)

    def _pump(self, client: socket.socket) -> None:
        path = self.device
        line = os.open(path, os.O_RDWR | os.O_NOCTTY)
        try:
            while not self._stop.is_set():
                if path != self.device:
                    os.close(line)
                    path = self.device
                    line = os.open(path, os.O_RDWR | os.O_NOCTTY)
                ready = select.select([client, line], [], [], 0.02)[0]
                if client in ready:
                    data = client.recv(4096)
                    if not data:
                        return
                    with suppress(OSError):  # the device's process is gone: a board without power
                        os.write(line, self.to_device(data))
                if line in ready:
                    try:
                        data = self.to_host(os.read(line, 4096))
                    except OSError:
                        time.sleep(0.02)
                        continue
                    client.sendall(data)
                    self.passed += len(data)
        finally:
            os.close(line)


@contextmanager
def bridge(device: str, **filters):
    """A running :class:`Bridge`."""
    running = Bridge(device, **filters)
    try:
        yield running
    finally:
        running.close()


def flaky(seed: int, rate: float = 0.01) -> Filter:
    """Drop, corrupt or duplicate each byte with probability ``rate``."""
    rng = random.Random(seed)

    def spoil(data: bytes) -> bytes:
        out = bytearray()
        for byte in data:
            dice = rng.random() / rate
            if dice < 1:  # dropped
                continue
            out.append(rng.randrange(256) if dice < 2 else byte)
            if 2 <= dice < 3:
                out.append(byte)
        return bytes(out)

    return spoil


def slow(seconds: float) -> Filter:
    """Hold every chunk back."""

    def wait(data: bytes) -> bytes:
        time.sleep(seconds)
        return data

    return wait
