"""What every command shares when it prints: one line for an error, JSON and nothing else for ``--json``."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

JSON_SCHEMA_VERSION = 1
BUG_EXIT_CODE = 70  # EX_SOFTWARE of sysexits.h


def one_line(text: str) -> str:
    """``text`` without anything that could move a terminal's cursor: control characters become escapes."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode("ascii") for c in text
    )


def print_json(command: str, exit_code: int, body: dict[str, Any]) -> None:
    """Print one JSON object on stdout; ``body`` is JSON-able without NaN or infinity.

    Raises ValueError for a NaN or an infinity: they are no JSON, and readers fail on them.
    """
    head = {"schema_version": JSON_SCHEMA_VERSION, "command": command, "exit_code": exit_code}
    print(json.dumps(head | body, indent=2, allow_nan=False), flush=True)


def print_error(message: str) -> None:
    """One line on stderr."""
    print(f"error: {one_line(message)}", file=sys.stderr, flush=True)


def print_warning(message: str) -> None:
    """One line on stderr, for what goes on nevertheless."""
    print(f"warning: {one_line(message)}", file=sys.stderr, flush=True)


def print_table(table: Table) -> None:
    """Print it without the blanks that pad the last column."""
    out = console()
    with out.capture() as captured:
        out.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()), flush=True)


def console(stderr: bool = False) -> Console:
    """Make a console that colours only on a terminal, honours NO_COLOR and never folds what is piped.

    Texts are printed as they are: square brackets and colons from outside are no markup.
    """
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else 10_000
    return Console(file=stream, highlight=False, markup=False, emoji=False, width=width)
