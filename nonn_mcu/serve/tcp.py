"""The device on a TCP port, for one client at a time, who must know the token where there is one.

One thread and one loop: no client, however it behaves, can hold up another one's bytes.
"""

from __future__ import annotations

import select
import socket
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NoReturn

from nonn_mcu.link import handshake
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.serve.address import url
from nonn_mcu.serve.gate import Gate
from nonn_mcu.serve.relay import Log, Relay, read_line

MOST_VISITORS = 4  # connections that are not the client; the oldest makes room
_BACKLOG = 16
_FAREWELL_SECONDS = 1.0
# A client that is silent this long, in seconds, must answer a probe of TCP's; three unanswered end it.
_KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 30_000))


@dataclass(eq=False)
class _Visitor:
    """A connection during its handshake; ``nonce`` None: turned away, to be closed when it has read why."""

    socket: socket.socket
    name: str
    deadline: Deadline
    nonce: bytes | None
    received: bytearray = field(default_factory=bytearray)

    def fileno(self) -> int:
        return self.socket.fileno()


@dataclass
class _Client:
    socket: socket.socket
    name: str
    relay: Relay
    turned_away: int = 0


class Server:
    """Relays between the device's line (an open file that does not block) and who connects to ``listener``.

    Without a token whoever comes first is the client. ``log`` gets a line per client and failed handshake.
    ``listener`` is bound; from here on it listens.
    """

    def __init__(self, listener: socket.socket, line: int, token: bytes | None, log: Log) -> None:
        self._listener = listener
        self._line = line
        self._token = token
        self._log = log
        self._gate = Gate()
        self._visitors: list[_Visitor] = []
        self._client: _Client | None = None
        listener.listen(_BACKLOG)

    def run(self) -> NoReturn:
        """Serve until an exception: LinkError when the device is gone, KeyboardInterrupt."""
        try:
            while True:
                self._round()
        finally:
            for visitor in self._visitors:
                visitor.socket.close()
            if self._client is not None:
                self._client.socket.close()

    def _round(self) -> None:
        """Wait for something to do, and do it."""
        relay = self._client.relay if self._client else None
        readers: list = [*self._visitors, *(relay.readers() if relay else [self._line])]
        closed_for = self._gate.wait()
        if not closed_for:
            readers.append(self._listener)
        waits = [visitor.deadline.remaining() for visitor in self._visitors] + [closed_for] * (closed_for > 0)
        readable, writable, _ = select.select(
            readers, relay.writers() if relay else [], [], min(waits, default=None)
        )
        if self._client is None:
            if self._line in readable:
                read_line(self._line)  # the answer to somebody who has left
        elif not self._client.relay.move(readable, writable):
            self._leave(self._client)
        for visitor in list(self._visitors):
            if visitor not in self._visitors:  # it has made room for another
                continue
            if visitor in readable:
                self._hear(visitor)
            elif visitor.deadline.expired():
                self._fail(visitor, "no answer in time")
        if self._listener in readable:
            self._accept()

    def _accept(self) -> None:
        try:
            connection, address = self._listener.accept()
        except OSError:  # it left before it was accepted
            return
        name = url(address)
        connection.setblocking(False)
        if self._client is not None:
            self._client.turned_away += 1
            self._turn_away(connection, name)
        elif self._token is None:
            self._welcome(connection, name)
        else:
            nonce = handshake.new_nonce()
            visitor = _Visitor(connection, name, Deadline.after(handshake.SECONDS), nonce)
            self._admit(visitor)
            if not _send(connection, handshake.challenge(nonce)):
                self._fail(visitor, "it left")

    def _admit(self, visitor: _Visitor) -> None:
        if len(self._visitors) == MOST_VISITORS:
            self._fail(self._visitors[0], "too many at once")
        self._visitors.append(visitor)

    def _hear(self, visitor: _Visitor) -> None:
        """Take what a visitor says, up to the end of its line."""
        try:
            data = visitor.socket.recv(handshake.ANSWER_BYTES + 1)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if visitor.nonce is None:
            if not data:
                self._drop(visitor)
            return
        if not data:
            self._fail(visitor, "it left")
            return
        visitor.received += data
        if len(visitor.received) >= handshake.ANSWER_BYTES or b"\n" in visitor.received:
            self._judge(visitor, visitor.nonce)

    def _judge(self, visitor: _Visitor, nonce: bytes) -> None:
        assert self._token is not None
        theirs = handshake.read_answer(self._token, nonce, bytes(visitor.received))
        if theirs is None:
            _send(visitor.socket, handshake.DENIED)
            self._fail(visitor, "wrong token")
        elif self._client is not None:  # another one was faster
            self._client.turned_away += 1
            self._visitors.remove(visitor)
            self._turn_away(visitor.socket, visitor.name)
        elif _send(visitor.socket, handshake.confirmation(self._token, nonce, theirs)):
            self._visitors.remove(visitor)
            self._welcome(visitor.socket, visitor.name)
        else:
            self._fail(visitor, "it left")

    def _welcome(self, connection: socket.socket, name: str) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            if hasattr(socket, option):  # not every system has each
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)
        self._client = _Client(connection, name, Relay(connection.fileno(), self._line))
        self._log(f"{name}: connected")

    def _leave(self, client: _Client) -> None:
        client.socket.close()
        self._client = None
        others = f"; {client.turned_away} others were turned away" if client.turned_away else ""
        counts = f"{client.relay.from_client:,} B in, {client.relay.to_client:,} B out"
        self._log(f"{client.name}: left ({counts}{others})")

    def _turn_away(self, connection: socket.socket, name: str) -> None:
        """Say why, and wait a little: what is closed with unread bytes in it loses its last words."""
        _send(connection, handshake.BUSY)
        with suppress(OSError):
            connection.shutdown(socket.SHUT_WR)
        self._admit(_Visitor(connection, name, Deadline.after(_FAREWELL_SECONDS), None))

    def _fail(self, visitor: _Visitor, why: str) -> None:
        """Close; count it, unless it is one that was turned away."""
        self._drop(visitor)
        if visitor.nonce is not None:
            self._gate.failed()
            self._log(f"{visitor.name}: refused ({why})")

    def _drop(self, visitor: _Visitor) -> None:
        self._visitors.remove(visitor)
        visitor.socket.close()


def _send(connection: socket.socket, line: bytes) -> bool:
    """Send a line into an empty buffer, which takes it whole; False where the other end is gone."""
    try:
        return connection.send(line) == len(line)
    except OSError:
        return False
