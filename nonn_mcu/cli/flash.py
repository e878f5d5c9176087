"""``nonn-mcu flash``: the firmware of a bundle onto a board, and the board's own word that it is there."""

from __future__ import annotations

import os
import shlex
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nonn_mcu.cli.output import one_line, print_error, print_json
from nonn_mcu.errors import BadInput, LinkError

if TYPE_CHECKING:
    from nonn_mcu.boards.board import Board
    from nonn_mcu.bundle import Bundle
    from nonn_mcu.link.replies import Hello

WATCH_SECONDS = 0.2


def flash(
    context: typer.Context,
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder made by convert.", show_default=False)
    ],
    *,
    board: Annotated[
        str, typer.Option("--board", metavar="NAME", help="Board to flash.", show_default=False)
    ],
    image: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help=".elf, .hex, .bin or .uf2; else what the export's build left."),
    ] = None,
    tool: Annotated[
        str | None, typer.Option(metavar="NAME", help="Else the first of the board's that is installed.")
    ] = None,
    port: Annotated[
        str | None,
        typer.Option("--port", "-p", metavar="PORT", envvar="NONN_MCU_PORT", help="Device's serial port."),
    ] = None,
    probe: Annotated[
        str | None, typer.Option(metavar="ID", help="Probe's serial number; for uf2, the board's disk.")
    ] = None,
    baud: Annotated[
        int, typer.Option("--baud", "-b", metavar="N", min=1, envvar="NONN_MCU_BAUD", help="Device's bits/s.")
    ] = 115200,
    timeout: Annotated[float, typer.Option(metavar="S", help="Seconds that the tool may take.")] = 300,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Write a bundle's firmware to a board and ask the board for its model.

    [bold]nonn-mcu flash[/] build/student --board pico

    Boards: pico, pico2, esp32s3, esp32c3, nrf52840dk, nucleo-l4r5zi. An emulated
    one (mps2-an386, mps2-an500, mps3-an547, host) runs until Ctrl-C.
    Exit codes: 0 the board holds the model, 2 bad input, 3 no board, 4 link failed,
    5 the board refused, 6 another model, 130 interrupted.
    """
    from nonn_mcu import boards
    from nonn_mcu import bundle as bundles

    if not 0 < timeout <= 86_400:
        raise BadInput(f"--timeout {timeout}: give seconds, more than 0 and at most 86400")
    if port == "":
        raise BadInput("--port is empty; name a serial port or leave it out")
    chosen, opened = boards.get(board), bundles.read(bundle)
    if chosen.flashing is not None:
        from nonn_mcu.boards.flash import flash as write

        done = write(
            opened,
            chosen,
            image=image,
            tool=tool,
            port=port,
            probe=probe,
            baud=baud,
            timeout=timeout,
            show=_pass_on,
        )
        how = {"image": str(done.image), "tool": done.tool, "verified": done.verified}
        _print(opened, done.port, done.hello, {"board": board, **how}, as_json)
        return 0
    source = context.get_parameter_source("port")
    given = {"--image": image, "--tool": tool, "--probe": probe}
    if source is not None and source.name == "COMMANDLINE":
        given["--port"] = port
    for option, value in given.items():
        if value is not None:
            raise BadInput(f"{option} is for real boards; {board} is built and started here")
    return _start(opened, chosen, baud, as_json)


def _start(bundle: Bundle, board: Board, baud: int, as_json: bool) -> int:
    """Build and start an emulated board; once it is up, Ctrl-C is how it is meant to end."""
    from nonn_mcu.boards.appear import wait_for
    from nonn_mcu.boards.start import build_and_start

    with build_and_start(bundle.path, board) as running:
        port, hello = wait_for(bundle.manifest.model_sha256, (), port=running.port, baud=baud)
        how = {"board": board.name, "image": None, "tool": None, "verified": None}
        _print(bundle, port, hello, how, as_json)
        if not as_json:
            print("It runs until Ctrl-C.", flush=True)
        try:
            while (obituary := running.obituary()) is None:
                time.sleep(WATCH_SECONDS)
        except KeyboardInterrupt:
            return 0
    print_error(obituary)  # stdout has had its one JSON object
    return LinkError.exit_code


def _print(bundle: Bundle, port: str, hello: Hello, how: dict[str, Any], as_json: bool) -> None:
    from nonn_mcu.verify.session import device_info

    if as_json:
        device = asdict(device_info(hello))
        print_json("flash", 0, {"error": None, **how, "port": port, "device": device})
        return
    written = f", written with {how['tool']}" if how["tool"] else ""
    print(
        one_line(f"{hello.model} ({hello.sha256[:12]}), {hello.runtime} runtime, answers on {port}{written}")
    )
    path = shlex.quote(os.path.relpath(bundle.path))
    print(one_line(f"Next: nonn-mcu verify {path} --port {shlex.quote(port)}"), flush=True)


def _pass_on(chunk: bytes) -> None:
    """Show what the tool prints, on stderr, as it comes."""
    sys.stderr.flush()
    sys.stderr.buffer.write(chunk)
    sys.stderr.buffer.flush()
