"""Where to listen, and whether that needs a token: everywhere but on addresses of this machine alone."""

from __future__ import annotations

import ipaddress
import socket

from nonn_mcu.errors import BadInput


def bind(text: str, has_token: bool) -> socket.socket:
    """Bind a socket, not yet listening, to ``HOST:PORT`` (``[HOST]:PORT`` for IPv6; port 0: a free one).

    Raises :class:`BadInput` for an address that cannot be had, or that others reach without a token.
    """
    family, address = _resolve(text)
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        # What is bound is asked, not what was written: a name may mean any address.
        if not (has_token or is_loopback(listener.getsockname()[0])):
            raise BadInput(
                f"--listen {text}: other machines can reach that address: give --token-file too, or listen "
                "on 127.0.0.1"
            )
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        if isinstance(error, BadInput):
            raise
        raise BadInput(f"--listen {text}: {error.strerror or error}") from None
    except BaseException:
        listener.close()
        raise
    return listener


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach a numeric address; False for what is none."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def url(address: tuple) -> str:
    """Write a socket's address as clients give it to ``--port``."""
    host, port = address[:2]
    return f"tcp://[{host}]:{port}" if ":" in host else f"tcp://{host}:{port}"


def _resolve(text: str) -> tuple[socket.AddressFamily, tuple]:
    host, colon, port = text.rpartition(":")
    bracketed = host.startswith("[") and host.endswith("]")
    if not (colon and host and port.isascii() and port.isdigit()) or (":" in host and not bracketed):
        raise BadInput(f"--listen {text}: write HOST:PORT, or [HOST]:PORT for IPv6")
    if int(port) > 65535:
        raise BadInput(f"--listen {text}: a port is at most 65535")
    try:
        found = socket.getaddrinfo(host.strip("[]"), int(port), type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise BadInput(
            f"--listen {text}: no such host ({getattr(error, 'strerror', None) or error})"
        ) from None
    family, _, _, _, address = found[0]
    return family, address
