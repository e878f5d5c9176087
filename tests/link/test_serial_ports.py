"""Opening ports: what is wrong is said in one line; pyserial URLs work."""

import os
import pty
import select
import socket
import subprocess
import sys
import threading
import tty
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import serial
from fake_board import FakeBoard, fake_result, random_inputs
from serial.rfc2217 import PortManager

from nonn_mcu.errors import BadInput, LinkError, NoDevice
from nonn_mcu.link.client import Device
from nonn_mcu.link.ports import SerialPort, candidates


@pytest.fixture
def line() -> Iterator[str]:
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    yield os.ttyname(theirs)
    os.close(ours)
    os.close(theirs)


@pytest.mark.parametrize(
    ("url", "error", "says"),
    [
        ("/dev/ttyNOSUCH7", NoDevice, r"no such port \(ports here: "),
        ("/dev/null", LinkError, "cannot be opened: "),
        ("nosuch://x", BadInput, "not a port"),
        ("socket://127.0.0.1:1", LinkError, "cannot be opened"),
        ("socket://no-port-given", LinkError, "cannot be opened"),
    ],
)
def test_a_port_that_does_not_open(url: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says) as caught:
        SerialPort(url)
    assert "\n" not in str(caught.value)


def test_permission_denied_names_the_group(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise serial.SerialException(13, "could not open port: Permission denied")

    monkeypatch.setattr(serial, "serial_for_url", refuse)
    with pytest.raises(LinkError, match=r"permission denied: .* dialout"):
        SerialPort(line)


def test_a_port_in_use_names_who_has_it(line: str) -> None:
    code = f"import serial; port = serial.Serial({line!r}, exclusive=True); print(flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        other.stdout.readline()
        with pytest.raises(LinkError, match=rf"another program has it open \(.*\b{other.pid}\b") as caught:
            SerialPort(line)
        assert str(os.getpid()) not in str(caught.value)
        other.kill()


def test_candidates_are_sorted_and_hold_only_text() -> None:
    found = candidates()
    assert found == sorted(found, key=lambda candidate: candidate.device)


def test_a_socket_is_a_port(device_program: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"socket://127.0.0.1:{server.getsockname()[1]}"
        started: list[subprocess.Popen] = []

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                started.append(subprocess.Popen([str(device_program)], stdin=connection, stdout=connection))

        thread = threading.Thread(target=serve)
        thread.start()
        with Device.open(url, patience=10) as device:
            thread.join()
            inputs = random_inputs(np.random.default_rng(0))
            np.testing.assert_array_equal(device.run(inputs)[0], fake_result(*inputs)[0])
            started[0].kill()
            started[0].wait()
            with pytest.raises(LinkError, match="the port is gone"):
                device.stats()


class PtySerial(serial.Serial):
    """A pseudo-terminal has no modem lines."""

    cts = dsr = ri = cd = False

    def _update_rts_state(self) -> None:
        pass

    _update_dtr_state = _update_break_state = _update_rts_state


class TelnetSide:
    """What pyserial's RFC 2217 server half writes its negotiation to."""

    def __init__(self, connection: socket.socket) -> None:
        self.write = connection.sendall


def serve_rfc2217(server: socket.socket, path: str, stop: threading.Event) -> None:
    connection, _ = server.accept()
    with connection, PtySerial(path, timeout=0) as port:
        manager = PortManager(port, TelnetSide(connection))
        while not stop.is_set():
            ready, _, _ = select.select([connection, port.fileno()], [], [], 0.05)
            if connection in ready:
                data = connection.recv(1024)
                if not data:
                    return
                port.write(b"".join(manager.filter(data)))
            if port.fileno() in ready:
                connection.sendall(b"".join(manager.escape(port.read(1024))))


def test_a_port_on_another_machine(board: Callable[..., FakeBoard]) -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve_rfc2217, args=(server, board().path, stop))
        thread.start()
        try:
            with Device.open(f"rfc2217://127.0.0.1:{server.getsockname()[1]}", patience=10) as device:
                for seed in range(5):
                    inputs = random_inputs(np.random.default_rng(seed))
                    np.testing.assert_array_equal(device.run(inputs)[0], fake_result(*inputs)[0])
        finally:
            stop.set()
            thread.join()


def test_a_port_without_a_file_descriptor_is_polled(
    board: Callable[..., FakeBoard], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nonn_mcu.link.ports._has_fileno", lambda port: False)
    with Device.open(board().path, patience=10) as device:
        for seed in range(5):
            inputs = random_inputs(np.random.default_rng(seed))
            np.testing.assert_array_equal(device.run(inputs)[0], fake_result(*inputs)[0])
