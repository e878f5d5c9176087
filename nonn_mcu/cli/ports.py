"""``nonn-mcu ports``: which serial ports there are, and which device is behind each."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nonn_mcu.cli.device_options import Baud
from nonn_mcu.cli.output import console, one_line, print_json, print_table
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.verify.locate import Answer

NO_PORTS = "no serial port is there; is the board plugged in, and with a cable that carries data?"
NO_DEVICES = "no device answers; is its firmware made by nonn-mcu build, and is --baud the same?"


def ports(
    port: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="PORT",
            help="Paths or pyserial URLs to ask; all serial ports without.",
            show_default=False,
        ),
    ] = None,
    *,
    baud: Baud = 115200,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """List serial ports and say which device is behind each, by talking to it.

    [bold]nonn-mcu ports[/]
    [bold]nonn-mcu ports[/] tcp://raspberrypi:5000

    Exit codes: 0 some device answers, 2 bad input, 3 none does.
    """
    from nonn_mcu.link.ports import candidates
    from nonn_mcu.verify.locate import ask

    if port and not all(port):
        raise BadInput("a port's name is empty")
    wanted = (
        [(one, "") for one in dict.fromkeys(port)]
        if port
        else [(found.device, found.description) for found in candidates()]
    )
    answers = ask(wanted, baud)
    code = 0 if any(answer.hello for answer in answers) else 3
    if as_json:
        print_json("ports", code, {"error": None, "ports": [_json(answer) for answer in answers]})
    else:
        _print_table(answers)
    return code


def _json(answer: Answer) -> dict[str, Any]:
    from dataclasses import asdict

    from nonn_mcu.verify.session import device_info

    error = answer.error
    return {
        "port": answer.port,
        "description": answer.description,
        "device": None if answer.hello is None else asdict(device_info(answer.hello)),
        "error": None if error is None else {"type": type(error).__name__, "message": str(error)},
    }


def _print_table(answers: list[Answer]) -> None:
    from rich.table import Table

    from nonn_mcu.verify.locate import why

    found = [(answer.port, answer.hello) for answer in answers if answer.hello is not None]
    if found:
        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
        for name in ("port", "model", "digest", "runtime", "board", "core"):
            table.add_column(name, overflow="fold")
        for port, hello in found:
            row = (port, hello.model, hello.sha256[:12], hello.runtime, hello.board, hello.core)
            table.add_row(*(one_line(text) for text in row))
        print_table(table)
    for answer in answers:
        if answer.hello is None:
            note = f" ({answer.description})" if answer.description else ""
            console().print(one_line(f"{answer.port}{note}: {why(answer)}"), soft_wrap=True)
    if not found:
        print(NO_DEVICES if answers else NO_PORTS, file=sys.stderr)
