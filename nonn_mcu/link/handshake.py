"""Who may talk over TCP: each end shows that it knows a token, which itself never crosses the wire.

::

    server  NONN-MCU 1 <its nonce>
    client  <its nonce> <HMAC(token, "client", server's nonce, client's nonce)>
    server  <HMAC(token, "server", client's nonce, server's nonce)>

Lines end with LF, HMAC is HMAC-SHA256 (RFC 2104), nonces are 32 random bytes, all in lower-case hex. What
follows the third line is the protocol's bytes as they are: neither encrypted nor authenticated.
"""

from __future__ import annotations

import hmac
import os
import re
import secrets
import stat
from pathlib import Path

from nonn_mcu.errors import BadInput

TOKEN_FILE = "NONN_MCU_TOKEN_FILE"  # the environment variable that names a client's token
NONCE_BYTES = 32
SHORTEST_TOKEN = 16
LONGEST_TOKEN = 4096
SECONDS = 5.0  # for the whole handshake, on both ends

GREETING = b"NONN-MCU "
BUSY = GREETING + b"busy\n"  # another client has the device
DENIED = GREETING + b"denied\n"  # the client does not know the token
_VERSION = b"1 "
_HEX = 2 * NONCE_BYTES  # digits of a nonce, and of an HMAC
CHALLENGE_BYTES = len(GREETING) + len(_VERSION) + _HEX + 1
ANSWER_BYTES = _HEX + 1 + _HEX + 1
CONFIRMATION_BYTES = _HEX + 1
_CHALLENGE = re.compile(rb"NONN-MCU 1 ([0-9a-f]{64})\n")
_ANSWER = re.compile(rb"([0-9a-f]{64}) ([0-9a-f]{64})\n")


def new_nonce() -> bytes:
    """Draw a nonce; each is for one connection."""
    return secrets.token_bytes(NONCE_BYTES)


def challenge(nonce: bytes) -> bytes:
    """Make the server's first line."""
    return GREETING + _VERSION + nonce.hex().encode() + b"\n"


def read_challenge(line: bytes) -> bytes | None:
    """Return the server's nonce; None for any other line."""
    found = _CHALLENGE.fullmatch(line)
    return bytes.fromhex(found[1].decode()) if found else None


def answer(token: bytes, server: bytes, client: bytes) -> bytes:
    """Make the client's line from the two nonces."""
    return b"%s %s\n" % (client.hex().encode(), _proof(token, b"client", server, client))


def read_answer(token: bytes, server: bytes, line: bytes) -> bytes | None:
    """Return the client's nonce if it knows the token; None for any other line. Takes constant time."""
    found = _ANSWER.fullmatch(line)
    if found is None:
        return None
    client = bytes.fromhex(found[1].decode())
    return client if hmac.compare_digest(found[2], _proof(token, b"client", server, client)) else None


def confirmation(token: bytes, server: bytes, client: bytes) -> bytes:
    """Make the server's second line."""
    return _proof(token, b"server", client, server) + b"\n"


def is_confirmation(token: bytes, server: bytes, client: bytes, line: bytes) -> bool:
    """Whether the server knows the token. Takes constant time."""
    return hmac.compare_digest(line, confirmation(token, server, client))


def read_token(path: Path) -> bytes:
    """Read a token: what is in the file without the white space around it.

    Raises :class:`BadInput` for one that is short, or that other users can read or write.
    """
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise BadInput(f"{path}: not a file; a token is a file of one line")
            if os.name == "posix" and status.st_mode & (stat.S_IROTH | stat.S_IWOTH):
                raise BadInput(f"{path}: other users can read or change the token; make it yours: chmod 600")
            token = file.read(LONGEST_TOKEN + 1)
    except OSError as error:
        raise BadInput(f"{path}: cannot read the token ({error.strerror or error})") from None
    if len(token) > LONGEST_TOKEN:
        raise BadInput(f"{path}: longer than {LONGEST_TOKEN} bytes; is it the token?")
    token = token.strip()
    if len(token) < SHORTEST_TOKEN:
        raise BadInput(
            f"{path}: the token has {len(token)} bytes, at least {SHORTEST_TOKEN} are needed; make one with: "
            "openssl rand -hex 32"
        )
    return token


def _proof(token: bytes, label: bytes, first: bytes, second: bytes) -> bytes:
    """HMAC in hex; the parts have fixed lengths, so nothing else has the same concatenation."""
    return hmac.digest(token, label + first + second, "sha256").hex().encode()
