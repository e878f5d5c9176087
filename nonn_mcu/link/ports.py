"""Ports: opening one by path or URL, and listing the serial ones that could hold a device."""

from __future__ import annotations

import errno
import os
import select
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import serial
from serial.tools import list_ports

from nonn_mcu.errors import BadInput, LinkError, NoDevice
from nonn_mcu.link.tcp import SCHEME, TcpPort

# Where a port cannot be waited for with select(), reads poll at this interval, in seconds.
_POLL = 0.005
# A write that takes longer than its time on the wire and this, in seconds, counts as lost.
_WRITE_PATIENCE = 1.0


class Port(Protocol):
    """A byte stream to a device. ``read`` and ``write`` raise LinkError when the port is gone."""

    name: str
    baud: int

    def read(self, timeout: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout`` seconds for the first byte; empty if nothing."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of it; what the line does not take in good time is lost, as on any line."""
        ...

    def close(self) -> None:
        """Give the port back; a second call does nothing."""
        ...


@dataclass(frozen=True)
class Candidate:
    """A serial port that exists; whether a device is behind it shows only by talking to it."""

    device: str
    description: str
    by_id: str  # a name that survives replugging, or ""
    vid: int | None
    pid: int | None
    serial_number: str
    location: str = ""  # where on the USB tree it is plugged in, or ""


def open_port(url: str, baud: int = 115200) -> Port:
    """Open ``tcp://host:port``, or what :class:`SerialPort` takes; raises as :class:`TcpPort` and that do."""
    return TcpPort(url, baud) if url.lower().startswith(SCHEME) else SerialPort(url, baud)


def candidates() -> list[Candidate]:
    """List the serial ports of this machine, sorted by path."""
    links = {os.path.realpath(link): str(link) for link in sorted(Path("/dev/serial/by-id").glob("*"))}
    return [
        Candidate(
            device=found.device,
            description=found.description if found.description != "n/a" else "",
            by_id=links.get(os.path.realpath(found.device), ""),
            vid=found.vid,
            pid=found.pid,
            serial_number=found.serial_number or "",
            location=found.location or "",
        )
        for found in sorted(list_ports.comports(), key=lambda found: found.device)
    ]


class SerialPort:
    """A :class:`Port` over pyserial: a device path, ``socket://host:port`` or ``rfc2217://host:port``."""

    def __init__(self, url: str, baud: int = 115200) -> None:
        """Open it for this process alone.

        Raises NoDevice if there is no such port, BadInput for a URL pyserial does not know, LinkError if the
        port is there but does not open; the message says why and what helps.
        """
        self.name = url
        self.baud = baud
        # pyserial's rfc2217:// refuses a limit for writes; the network has limits of its own.
        patience = None if url.lower().startswith("rfc2217://") else _WRITE_PATIENCE
        try:
            self._serial = serial.serial_for_url(
                url, baudrate=baud, timeout=0, write_timeout=patience, exclusive=True
            )
        except ValueError as error:
            raise BadInput(f"{url}: not a port: {error}") from error
        except (serial.SerialException, OSError) as error:
            raise _why_not_opened(url, error) from error
        self._can_select = sys.platform != "win32" and _has_fileno(self._serial)
        if not self._can_select:
            self._serial.timeout = _POLL

    def read(self, timeout: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout`` seconds for the first byte; empty if nothing."""
        with self._errors("read"):
            if self._can_select:
                ready, _, _ = select.select([self._serial.fileno()], [], [], timeout)
                return self._serial.read(4096) if ready else b""
            for _ in range(max(1, round(timeout / _POLL))):
                first = self._serial.read(1)
                if first:
                    return first + self._serial.read(self._serial.in_waiting)
            return b""

    def write(self, data: bytes) -> None:
        """Send all of it; what the line does not take in good time is lost."""
        with self._errors("write"), suppress(serial.SerialTimeoutException):
            self._serial.write(data)

    def fileno(self) -> int:
        """Give the open file that a path led to, for waiting on it beside others."""
        return self._serial.fileno()

    def close(self) -> None:
        """Give the port back."""
        with suppress(serial.SerialException, OSError):
            self._serial.close()

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (serial.SerialException, OSError, TypeError, ValueError) as error:
            # pyserial lets a TypeError or ValueError out when the port was closed under it.
            raise LinkError(f"{self.name}: the port is gone ({doing}: {error}): plug it in again") from error


def _has_fileno(port: serial.SerialBase) -> bool:
    try:
        return port.fileno() >= 0
    except (AttributeError, OSError, ValueError):
        return False


def _why_not_opened(url: str, error: Exception) -> NoDevice | LinkError:
    code = getattr(error, "errno", None)
    if code in (errno.ENOENT, errno.ENODEV, errno.ENXIO):
        there = ", ".join(found.device for found in candidates()) or "none"
        return NoDevice(f"{url}: no such port (ports here: {there})")
    if code in (errno.EACCES, errno.EPERM):
        return LinkError(
            f"{url}: permission denied: add yourself to its group and log in again: "
            "sudo usermod -aG dialout $USER"
        )
    if code in (errno.EBUSY, errno.EAGAIN, errno.EWOULDBLOCK):
        return LinkError(f"{url}: another program has it open{_holders(url)}: close it and try again")
    return LinkError(f"{url}: cannot be opened: {error}")


def _holders(path: str) -> str:
    """Name the other processes that have ``path`` open, as far as /proc tells."""
    wanted = os.path.realpath(path)
    found = set()
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        with suppress(OSError):
            process = link.parents[1]
            if os.readlink(link) == wanted and process.name != str(os.getpid()):
                found.add(f"{(process / 'comm').read_text().strip()} {process.name}")
    return f" ({', '.join(sorted(found))})" if found else ""
