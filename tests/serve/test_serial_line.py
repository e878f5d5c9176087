"""Serving on a serial port: a pseudo-terminal stands for the gadget port and its cable."""

import os
import pty
import select
import threading
import tty

import numpy as np
import pytest
from support.command import wait_until

from nonn_mcu import boards, bundle
from nonn_mcu.boards.start import start
from nonn_mcu.errors import LinkError
from nonn_mcu.link.client import Device
from nonn_mcu.serve.serial_line import open_serial, serve_serial


class Cable:
    """A Port on the host's end of the cable; the other end is at ``path``, as long as it is plugged in."""

    name, baud = "cable", 115200

    def __init__(self, path):
        self._ours, theirs = pty.openpty()
        tty.setraw(theirs)
        path.unlink(missing_ok=True)
        path.symlink_to(os.ttyname(theirs))
        self._theirs = theirs

    def taken(self):
        """The server has it open; ours is not needed to keep it alive any more."""
        os.close(self._theirs)

    def read(self, timeout):
        ready = select.select([self._ours], [], [], timeout)[0]
        return os.read(self._ours, 4096) if ready else b""

    def write(self, data):
        os.write(self._ours, data)

    def close(self):
        os.close(self._ours)


def assert_right(port, pocket):
    vectors = bundle.read(pocket.path).vectors()
    device = Device(port, patience=10)
    for number in range(3):
        (output,) = device.run([array[number : number + 1] for array in vectors.inputs])
        np.testing.assert_array_equal(output, vectors.outputs[0][number : number + 1])


def test_a_cable_is_pulled_and_plugged_in_again(pocket, firmware, tmp_path, monkeypatch):
    monkeypatch.setattr("nonn_mcu.serve.serial_line._RETRY_SECONDS", 0.05)
    path, log, ended = tmp_path / "ttyGS0", [], []
    running = start(boards.get("host"), firmware)
    line = os.open(running.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    cable = Cable(path)
    port = open_serial(str(path), 115200)
    cable.taken()

    def run():
        try:
            serve_serial(port, line, log.append)
        except LinkError as error:
            ended.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert_right(cable, pocket)
    cable.write(b"\0garbage \xff and half a frame \1")
    assert_right(cable, pocket)
    cable.close()
    wait_until(lambda: log == [f"{path}: gone; waiting until it is back"])
    again = Cable(path)
    wait_until(lambda: log[1:] == [f"{path}: back"])
    again.taken()
    assert_right(again, pocket)
    running.stop()
    thread.join(10)
    again.close()
    os.close(line)
    assert "the device is gone" in str(ended[0])


def test_the_command_serves_on_a_serial_port(command, pocket, firmware, tmp_path):
    path = tmp_path / "ttyGS0"
    cable = Cable(path)
    server = command("serve", pocket.path, "--serial", path)
    digest = pocket.manifest.model_sha256[:12]
    assert server.stdout.readline().decode() == f"serving pocket (native, {digest}) on {path}\n"
    assert_right(cable, pocket)
    server.terminate()
    assert server.wait(20) == 130


def test_a_port_that_is_served_is_taken(pocket, tmp_path):
    path = tmp_path / "ttyGS0"
    cable = Cable(path)
    first = open_serial(str(path), 115200)
    with pytest.raises(LinkError, match="another program has it open"):
        open_serial(str(path), 115200)
    first.close()
    cable.close()
