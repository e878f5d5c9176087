"""Progress on stderr: of several devices, and of one thing that is done step by step."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from nonn_mcu.cli.output import console, one_line

LINE_SECONDS = 10.0


@contextmanager
def show(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    """Give a function of (label, done, total) that may be called from any thread, as often as one likes."""
    if sys.stderr.isatty():
        with _bars(unit) as update:
            yield update
    else:
        yield _lines(unit)


@contextmanager
def _bars(unit: str) -> Iterator[Callable[[str, int, int], None]]:
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        ProgressColumn,
        Task,
        TaskID,
        TextColumn,
        TimeRemainingColumn,
    )
    from rich.text import Text

    class Rate(ProgressColumn):
        """Units per second, averaged over the last seconds."""

        def render(self, task: Task) -> Text:
            return Text(f"{task.speed:.1f} {unit}/s" if task.speed else "")

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        Rate(),
        TimeRemainingColumn(),
    )
    tasks: dict[str, TaskID] = {}
    lock = threading.Lock()
    with Progress(*columns, console=console(stderr=True), transient=True) as progress:

        def update(label: str, done: int, total: int) -> None:
            with lock:
                if label not in tasks:
                    tasks[label] = progress.add_task(one_line(label), total=total)
                progress.update(tasks[label], completed=done)

        yield update


def _lines(unit: str) -> Callable[[str, int, int], None]:
    started: dict[str, float] = {}
    printed: dict[str, float] = {}
    lock = threading.Lock()

    def update(label: str, done: int, total: int) -> None:
        with lock:
            now = time.monotonic()
            began = started.setdefault(label, now)
            if now - printed.setdefault(label, now) < LINE_SECONDS:
                return
            printed[label] = now
            rate = done / (now - began)
            left = f", {(total - done) / rate:.0f} s left" if rate else ""
            message = f"{one_line(label)}: {done} of {total} {unit}, {rate:.1f}/s{left}"
            print(message, file=sys.stderr, flush=True)

    return update


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """Show the step at hand on stderr: a spinner on a terminal, else a line each."""
    if not sys.stderr.isatty():
        yield lambda step: print(f"{step} ...", file=sys.stderr, flush=True)
        return
    from rich.console import Console

    # the tools' output is taken off descriptor 2 while they run; the spinner goes on over a copy of it
    with (
        os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="backslashreplace") as stream,
        Console(file=stream, highlight=False, markup=False).status("Starting") as status,
    ):
        yield status.update
