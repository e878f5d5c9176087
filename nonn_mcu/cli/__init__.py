"""The command line ``nonn-mcu``: one file per command; this one turns what they raise into exit codes.

A command is a function of the same name in ``nonn_mcu/cli/<command>.py``, or a ``typer.Typer`` of several
functions. It imports what is heavy inside its body, prints its result, returns its exit code (None is 0) and
raises :class:`~nonn_mcu.errors.NonnError` for what went wrong.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
from collections.abc import Sequence
from importlib import import_module
from types import FrameType
from typing import Annotated

import typer

from nonn_mcu import __version__
from nonn_mcu.cli.output import BUG_EXIT_CODE, print_error, print_json
from nonn_mcu.errors import NonnError

COMMANDS = (
    "partition",
    "distil",
    "dream",
    "convert",
    "build",
    "export",
    "flash",
    "verify",
    "run",
    "bench",
    "network",
    "ports",
    "serve",
)
INTERRUPTED = 130
BROKEN_PIPE = 141  # as if SIGPIPE had ended the process

app = typer.Typer(
    name="nonn-mcu",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if wanted:
        print(f"nonn-mcu {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """From a PyTorch student to a verified microcontroller.

    [bold]nonn-mcu convert[/] student.pt
    [bold]nonn-mcu verify[/] build/student --board mps2-an386

    Exit codes: 0 match, 1 mismatch or over budget, 2 bad input, 3 no device,
    4 link failed, 5 device error, 6 another model, 130 interrupted.
    """


for _name in COMMANDS:
    _command = getattr(import_module(f"nonn_mcu.cli.{_name}"), _name)
    if isinstance(_command, typer.Typer):
        app.add_typer(_command, name=_name)
    else:
        app.command(_name)(_command)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; never a traceback unless NONN_MCU_DEBUG is set."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    before_dashes = arguments[: arguments.index("--")] if "--" in arguments else arguments
    as_json = "--json" in before_dashes
    command = next((a for a in arguments if a in COMMANDS), "")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # file names need not be text
            stream.reconfigure(errors="backslashreplace")
    _make_sigterm_an_interrupt()
    try:
        code = _run(arguments, command, as_json)
        sys.stdout.flush()
    except BrokenPipeError:
        # Nobody reads any more: be quiet, at the flush of interpreter exit too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return BROKEN_PIPE
    return code


def _make_sigterm_an_interrupt() -> None:
    """Leave by the same way as after Ctrl-C, so that an emulator that was started ends too."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def _run(arguments: list[str], command: str, as_json: bool) -> int:
    try:
        code = app(arguments, prog_name="nonn-mcu", standalone_mode=False)
        # typer turns Ctrl-C into this code without a word
        if code == INTERRUPTED:
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except (KeyboardInterrupt, typer.Abort):
        return _report("Interrupted", "interrupted", INTERRUPTED, command, as_json)
    except BrokenPipeError:
        raise
    except SystemExit:  # what typer makes of EPIPE
        raise BrokenPipeError from None
    except Exception as error:
        if hasattr(error, "format_message") and not error.format_message():
            return 2  # no command was given, and the help has been printed
        if os.environ.get("NONN_MCU_DEBUG"):
            traceback.print_exc()
        return _report(*_explain(error, command), command, as_json)


def _explain(error: Exception, command: str) -> tuple[str, str, int]:
    """Type, message and exit code of what a command raised."""
    if isinstance(error, NonnError):
        return type(error).__name__, str(error), error.exit_code
    if isinstance(error, OSError):
        where = f"{os.fsdecode(error.filename)}: " if error.filename else ""
        return "OSError", f"{where}{error.strerror or error}", 2
    if hasattr(error, "format_message"):  # typer's usage errors, whose module depends on its version
        hint = f"nonn-mcu {command} --help" if command else "nonn-mcu --help"
        return "UsageError", f"{error.format_message().rstrip('.')}; see: {hint}", 2
    what = f"{type(error).__name__}: {error}; this is a bug, rerun with NONN_MCU_DEBUG=1 for the traceback"
    return "Bug", what, BUG_EXIT_CODE


def _report(kind: str, message: str, code: int, command: str, as_json: bool) -> int:
    if as_json:
        print_json(command, code, {"error": {"type": kind, "message": message}})
    else:
        print_error(message)
    return code
