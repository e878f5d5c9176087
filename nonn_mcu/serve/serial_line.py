"""The device on a serial port of this machine, for whoever is at the other end of the cable."""

from __future__ import annotations

import select
import time
from contextlib import closing
from typing import NoReturn

from nonn_mcu.errors import BadInput, LinkError, NoDevice
from nonn_mcu.link.ports import SerialPort
from nonn_mcu.serve.relay import Log, Relay

_RETRY_SECONDS = 1.0


def open_serial(path: str, baud: int) -> SerialPort:
    """Open a serial port to serve on. Raises as :class:`SerialPort`, and BadInput for a URL."""
    if "://" in path:
        raise BadInput(f"--serial {path}: give the path of a serial port; for the network there is --listen")
    return SerialPort(path, baud)


def serve_serial(port: SerialPort, line: int, log: Log) -> NoReturn:
    """Relay between the device's line (an open file that does not block) and the serial port.

    A port that goes, as a gadget's does with its cable, is opened again when it is back. Raises LinkError
    when the device is gone.
    """
    while True:
        with closing(port):
            relay = Relay(port.fileno(), line)
            gone = False
            while not gone:
                readable, writable, _ = select.select(relay.readers(), relay.writers(), [])
                gone = not relay.move(readable, writable)
        log(f"{port.name}: gone; waiting until it is back")
        port = _reopen(port.name, port.baud)
        log(f"{port.name}: back")


def _reopen(path: str, baud: int) -> SerialPort:
    while True:
        time.sleep(_RETRY_SECONDS)
        try:
            return SerialPort(path, baud)
        except (NoDevice, LinkError):
            continue
