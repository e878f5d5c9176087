"""A bundle, its firmware for the host, and a server in a thread with real sockets in front of it."""

import os
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from support.command import COMMAND, ENVIRONMENT, TOKEN

from nonn_mcu import boards, bundle
from nonn_mcu.boards.build import build
from nonn_mcu.boards.start import Running, start
from nonn_mcu.errors import LinkError
from nonn_mcu.link.client import Device
from nonn_mcu.link.handshake import TOKEN_FILE
from nonn_mcu.serve.address import bind
from nonn_mcu.serve.tcp import Server

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "link"))  # for fake_board


@pytest.fixture(autouse=True)
def no_token_from_outside(monkeypatch):
    monkeypatch.delenv(TOKEN_FILE, raising=False)


@pytest.fixture(scope="session")
def pocket(tmp_path_factory):
    """A small whole bundle."""
    pytest.importorskip("tflite_micro", reason="the oracle needs the tflite-micro wheel")
    from support.bundles import make_bundle

    return make_bundle(tmp_path_factory.mktemp("serve") / "pocket")


@pytest.fixture(scope="session")
def firmware(pocket):
    """The bundle's firmware for the host, where ``serve`` finds it."""
    if shutil.which("cmake") is None:
        pytest.skip("building firmware needs cmake")
    return build(pocket.path, boards.get("host")).path


@pytest.fixture
def command(tmp_path):
    """Start ``nonn-mcu`` in an empty folder; ends with the test."""
    running = []

    def command(*arguments, env=None):
        process = subprocess.Popen(
            [*COMMAND, *map(str, arguments)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=ENVIRONMENT | (env or {}),
            cwd=tmp_path,
        )
        running.append(process)
        return process

    yield command
    for process in running:
        process.terminate()  # not killed: it ends its device's process
        process.communicate()


@pytest.fixture
def token_file(tmp_path):
    path = tmp_path / "token"
    path.write_bytes(TOKEN + b"\n")
    path.chmod(0o600)
    return path


@dataclass
class Served:
    """A running server; ``log`` is what it said, ``error`` what ended it."""

    address: tuple[str, int]
    device: Running
    log: list[str] = field(default_factory=list)
    error: LinkError | None = None

    @property
    def url(self):
        return f"tcp://{self.address[0]}:{self.address[1]}"

    def connect(self, seconds=10.0):
        connection = socket.create_connection(self.address, seconds)
        connection.settimeout(seconds)
        return connection


@pytest.fixture
def serving(firmware):
    """Start a server: ``serving(token)``; each ends with the test, by its device's end."""
    threads = []

    def serving(token=None):
        device = start(boards.get("host"), firmware)
        line = os.open(device.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        listener = bind("127.0.0.1:0", token is not None)
        served = Served(listener.getsockname(), device)
        server = Server(listener, line, token, served.log.append)

        def run():
            with listener:
                try:
                    server.run()
                except LinkError as error:
                    served.error = error
                finally:
                    os.close(line)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        threads.append((thread, served))
        return served

    yield serving
    for thread, served in threads:
        assert served.error is None  # whatever the test's clients did
        served.device.stop()
        thread.join(10)
        assert "the device is gone" in str(served.error)


@pytest.fixture
def check_device(pocket):
    """Run a few vectors on the device behind a URL and compare with the oracle's outputs."""
    vectors = bundle.read(pocket.path).vectors()

    def check_device(url, patience=10.0):
        with Device.open(url, patience=patience) as device:
            assert device.hello().sha256 == pocket.manifest.model_sha256
            for number in range(3):
                (output,) = device.run([array[number : number + 1] for array in vectors.inputs])
                np.testing.assert_array_equal(output, vectors.outputs[0][number : number + 1])

    return check_device
