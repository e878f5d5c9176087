"""Serial ports: opening one by path or pyserial URL, and listing those that could hold a device."""

from __future__ import annotations

from typing import Protocol


class Port(Protocol):
    """A byte stream to a device. ``read`` and ``write`` raise LinkError when the port is gone."""

    name: str
    baud: int

    def read(self, timeout: float) -> bytes:
        """What has arrived, waiting up to ``timeout`` seconds for the first byte; empty if nothing came."""
        ...

    def write(self, data: bytes) -> None:
        """Send all of it."""
        ...

    def close(self) -> None:
        """Give the port back; a second call does nothing."""
        ...
