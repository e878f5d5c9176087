"""Options of the commands that talk to devices: where these are."""

from __future__ import annotations

import math
from typing import Annotated

import typer

from nonn_mcu.errors import BadInput

Ports = Annotated[
    list[str] | None,
    typer.Option(
        "--port",
        "-p",
        metavar="PORT",
        envvar="NONN_MCU_PORT",
        help="Serial port, tcp://HOST:PORT or pyserial URL; repeatable.",
    ),
]
Baud = Annotated[
    int, typer.Option("--baud", "-b", metavar="N", min=1, envvar="NONN_MCU_BAUD", help="Bits per second.")
]
Timeout = Annotated[float, typer.Option(metavar="S", help="Seconds a device may be silent.")]


def ports_of(context: typer.Context, ports: list[str] | None, board: str | None, timeout: float) -> list[str]:
    """Check --port, --board and --timeout against each other, and give the ports.

    What is said on the command line comes before NONN_MCU_PORT, --board too. Raises :class:`BadInput`.
    """
    from nonn_mcu.verify.locate import require_apart

    source = context.get_parameter_source("port")
    if ports is None or (board is not None and source is not None and source.name == "ENVIRONMENT"):
        ports = []
    if not (math.isfinite(timeout) and 0 < timeout <= 86_400):
        raise BadInput(f"--timeout {timeout}: give seconds, more than 0 and at most 86400")
    if board is not None and ports:
        raise BadInput("--board starts its own device; leave out --port, or --board")
    if not all(ports):
        raise BadInput("--port is empty; name a serial port or leave it out")
    require_apart(ports)
    return ports
