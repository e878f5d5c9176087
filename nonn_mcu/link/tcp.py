"""A device behind ``nonn-mcu serve``: ``tcp://host:port``, with a token if the server wants one."""

from __future__ import annotations

import os
import select
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

from nonn_mcu.errors import BadInput, LinkError
from nonn_mcu.link import handshake
from nonn_mcu.link.deadline import Deadline

SCHEME = "tcp://"
_CONNECT_SECONDS = 5.0
# A write that takes longer than this, in seconds, counts as lost.
_WRITE_PATIENCE = 1.0


class TcpPort:
    """A :class:`~nonn_mcu.link.ports.Port` over TCP.

    Where NONN_MCU_TOKEN_FILE names a file, the server must prove that it knows the token in it, and is proved
    the same.
    """

    def __init__(self, url: str, baud: int = 115200) -> None:
        """Connect, and shake hands if there is a token.

        Raises BadInput for a bad URL or token, LinkError where nothing listens, and where the server does not
        want a token, wants another one, or has another client.
        """
        self.name = url
        self.baud = baud  # of the host's estimates; the network has its own pace
        address = _address(url)
        file = os.environ.get(handshake.TOKEN_FILE)
        token = handshake.read_token(Path(file)) if file else None
        try:
            self._socket = socket.create_connection(address, _CONNECT_SECONDS)
        except OSError as error:
            raise LinkError(
                f"{url}: cannot be opened: {error.strerror or error}: is nonn-mcu serve running there?"
            ) from error
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if token is not None:
                self._shake_hands(token, str(file))
        except BaseException:
            self.close()
            raise
        self._socket.settimeout(_WRITE_PATIENCE)
        self._greeting: bytes | None = b"" if token is None else None  # None: the device itself speaks

    def read(self, timeout: float) -> bytes:
        """Return what has arrived, waiting up to ``timeout`` seconds for the first byte; empty if nothing."""
        with self._errors("read"):
            if not select.select([self._socket], [], [], timeout)[0]:
                return b""
            data = self._socket.recv(4096)
        self._listen_for_refusal(data)
        if not data:
            raise LinkError(f"{self.name}: the server closed the connection: is it still running?")
        return data

    def write(self, data: bytes) -> None:
        """Send all of it; what the network does not take in good time is lost."""
        with self._errors("write"), suppress(TimeoutError):
            self._socket.sendall(data)

    def close(self) -> None:
        """Close the connection."""
        self._socket.close()

    def _listen_for_refusal(self, data: bytes) -> None:
        """Tell the server's own first line from what a device says. Raises LinkError for a refusal."""
        if self._greeting is None:
            return
        self._greeting += data
        if self._greeting.startswith(handshake.GREETING):
            raise self._refusal(self._greeting)
        if not handshake.GREETING.startswith(self._greeting):
            self._greeting = None

    def _refusal(self, line: bytes) -> LinkError:
        if handshake.BUSY.startswith(line):
            return LinkError(f"{self.name}: another client has the device: try again when it is done")
        return LinkError(f"{self.name}: the server wants a token: name its file in {handshake.TOKEN_FILE}")

    def _shake_hands(self, token: bytes, file: str) -> None:
        deadline = Deadline.after(handshake.SECONDS)
        line = self._line(handshake.CHALLENGE_BYTES, deadline)
        if line == handshake.BUSY:
            raise self._refusal(line)
        server = handshake.read_challenge(line)
        if server is None:
            raise LinkError(
                f"{self.name}: no challenge came: it has no token (unset {handshake.TOKEN_FILE} then), "
                "delays connections after failed ones, or is no nonn-mcu serve"
            )
        client = handshake.new_nonce()
        self._send(handshake.answer(token, server, client))
        line = self._line(handshake.CONFIRMATION_BYTES, deadline)
        if line == handshake.BUSY:
            raise self._refusal(line)
        if line == handshake.DENIED:
            raise LinkError(f"{self.name}: wrong token: the server does not know the one in {file}")
        if not line:
            raise LinkError(f"{self.name}: the server broke the handshake off: try again")
        if not handshake.is_confirmation(token, server, client, line):
            raise LinkError(
                f"{self.name}: the server does not know the token in {file}: is it the server you mean?"
            )

    def _line(self, longest: int, deadline: Deadline) -> bytes:
        """Read a line of at most ``longest`` bytes, and nothing behind it; empty if none comes."""
        line = b""
        with self._errors("read"), suppress(TimeoutError):
            while len(line) < longest and not line.endswith(b"\n"):
                self._socket.settimeout(max(0.001, deadline.remaining()))
                byte = self._socket.recv(1)
                if not byte:
                    break
                line += byte
        return line if line.endswith(b"\n") else b""

    def _send(self, line: bytes) -> None:
        with self._errors("write"):
            self._socket.sendall(line)

    @contextmanager
    def _errors(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError) as error:
            # A ValueError comes of a socket that was closed under it.
            raise LinkError(f"{self.name}: the connection is gone ({doing}: {error})") from error


def _address(url: str) -> tuple[str, int]:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError as error:
        raise BadInput(f"{url}: not a port: {error}") from None
    if not host or not port or parts.username is not None or parts.path or parts.query or parts.fragment:
        raise BadInput(f"{url}: not a port: write {SCHEME}HOST:PORT")
    return host, port
