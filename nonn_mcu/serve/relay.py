"""Bytes to and fro between a client and the device's line, as they come and never too many at once."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection
from contextlib import suppress

from nonn_mcu.errors import LinkError

# Takes one line about who comes and goes.
Log = Callable[[str], None]

_ROOM = 1 << 16
_PART = 4096


class Relay:
    """One client's connection; both ends are open files that do not block.

    Each direction keeps at most _ROOM + _PART bytes; where an end does not take them, the other waits.
    """

    def __init__(self, client: int, line: int) -> None:
        self.client = client
        self.line = line
        self.from_client = 0
        self.to_client = 0
        self._there = bytearray()  # on their way to the line
        self._back = bytearray()

    def readers(self) -> list[int]:
        """Which ends there is room to read from."""
        ends = ((self.client, self._there), (self.line, self._back))
        return [end for end, kept in ends if len(kept) < _ROOM]

    def writers(self) -> list[int]:
        """Which ends something waits for."""
        return [end for end, kept in ((self.line, self._there), (self.client, self._back)) if kept]

    def move(self, readable: Collection[int], writable: Collection[int]) -> bool:
        """Move what is ready; False when the client is gone. Raises LinkError when the device is."""
        if self.line in readable:
            self._back += read_line(self.line)
        if self.line in writable:
            _write_line(self.line, self._there)
        try:
            if self.client in readable:
                data = os.read(self.client, _PART)
                if not data:
                    return False
                self.from_client += len(data)
                self._there += data
            if self.client in writable:
                sent = os.write(self.client, self._back)
                self.to_client += sent
                del self._back[:sent]
        except BlockingIOError:
            pass
        except OSError:
            return False
        return True


def read_line(line: int) -> bytes:
    """Read what the device says; empty if nothing. Raises LinkError when it is gone."""
    try:
        data = os.read(line, _PART)
    except BlockingIOError:
        return b""
    except OSError as error:
        raise LinkError(f"the device is gone ({error.strerror or error})") from None
    if not data:
        raise LinkError("the device is gone (end of file)")
    return data


def _write_line(line: int, data: bytearray) -> None:
    try:
        with suppress(BlockingIOError):
            del data[: os.write(line, data)]
    except OSError as error:
        raise LinkError(f"the device is gone ({error.strerror or error})") from None
