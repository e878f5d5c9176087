"""``nonn-mcu serve``: this machine as a device that holds a bundle's model."""

from __future__ import annotations

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated

import typer

from nonn_mcu.cli.output import one_line
from nonn_mcu.errors import BadInput

DEFAULT = "127.0.0.1:5000"


def serve(
    bundle: Annotated[
        Path, typer.Argument(metavar="BUNDLE", help="Folder made by convert.", show_default=False)
    ],
    *,
    listen: Annotated[
        str | None, typer.Option(metavar="HOST:PORT", help=f"TCP port; {DEFAULT} unless said otherwise.")
    ] = None,
    serial: Annotated[str | None, typer.Option(metavar="PATH", help="Serial port instead of TCP.")] = None,
    token_file: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Whoever connects must know what is in it.")
    ] = None,
    runtime: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="native, litert or tflite-runtime; else the first that is here."),
    ] = None,
    baud: Annotated[
        int, typer.Option("--baud", "-b", metavar="N", min=1, envvar="NONN_MCU_BAUD", help="Of --serial.")
    ] = 115200,
) -> None:
    """Make this machine a device: it holds the model and answers as a microcontroller does.

    [bold]nonn-mcu serve[/] build/student --listen 127.0.0.1:5000
    [bold]nonn-mcu serve[/] build/student --serial /dev/ttyGS0
    [bold]nonn-mcu serve[/] build/student --listen 0.0.0.0:5000 --token-file token

    It runs until Ctrl-C. An address that other machines reach needs a token.
    Exit codes: 2 bad input, 3 no serial port, 4 the device ended, 130 interrupted.
    """
    from nonn_mcu import bundle as bundles
    from nonn_mcu.link.handshake import read_token
    from nonn_mcu.serve import address, runtimes
    from nonn_mcu.serve.serial_line import open_serial, serve_serial
    from nonn_mcu.serve.tcp import Server

    if serial is not None and (listen is not None or token_file is not None):
        raise BadInput("--serial is for a cable; leave out --listen and --token-file")
    opened = bundles.read(bundle)
    chosen = runtimes.choose(runtime, opened)
    token = read_token(token_file) if token_file is not None else None
    _make_a_lost_terminal_an_interrupt()
    with ExitStack() as stack:
        if serial is not None:
            port = open_serial(serial, baud)
            stack.callback(port.close)
            where = serial
        else:
            listener = stack.enter_context(address.bind(listen or DEFAULT, token is not None))
            where = address.url(listener.getsockname())
        running = stack.enter_context(runtimes.start_device(opened, chosen))
        line = os.open(running.port, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        stack.callback(os.close, line)
        server = Server(listener, line, token, _log) if serial is None else None
        manifest = opened.manifest
        print(
            one_line(f"serving {manifest.name} ({chosen}, {manifest.model_sha256[:12]}) on {where}"),
            flush=True,
        )
        if server is None:
            serve_serial(port, line, _log)
        server.run()


def _log(text: str) -> None:
    print(one_line(text), file=sys.stderr, flush=True)


def _make_a_lost_terminal_an_interrupt() -> None:
    """Leave as after SIGTERM, unless nohup asks to stay: the device's process has a session of its own."""
    if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
        signal.signal(signal.SIGHUP, signal.getsignal(signal.SIGTERM))
