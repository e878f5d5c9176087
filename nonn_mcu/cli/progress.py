"""Progress of several devices on stderr: bars on a terminal, now and then a plain line elsewhere."""

from __future__ import annotations

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
