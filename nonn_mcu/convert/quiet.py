"""Run other people's tools: what they print goes to a log, how they give up becomes an exception.

The tools print from Python and from C++, some call ``sys.exit``, and importing some of them changes the
process. The log is scrubbed so that the same conversion leaves the same log, on any day and anywhere.
"""

from __future__ import annotations

import ctypes
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from typing import TypeVar

T = TypeVar("T")

# In order. C++ log lines of level I and W go altogether: they speak of the machine (CPU features, drivers)
# and appear once a process, whichever conversion comes first.
_SCRUB: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern, re.MULTILINE), to)
    for pattern, to in (
        (r"\x1b\[[0-9;?]*[ -/]*[@-~]", ""),
        (r"^.*\r(?!\n)", ""),
        (r"^WARNING: All log messages before absl::InitializeLog.*\n", ""),
        (r"^[IW]\d{4} \d\d:\d\d:\d\d\.\d+ .*\n", ""),
        (r"^[IW]0000 \d\d:\d\d:\d+\.\d+ .*\n", ""),
        (r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+: [IW] .*\n", ""),
        (r"^([EF])\d{4} \d\d:\d\d:[\d.]+\s+\d+ ", r"\1 "),
        (r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d([.,]\d+)?(Z|[+-]\d\d:?\d\d)?", "<time>"),
        (r"\b(pid|process|thread)([ =:]+)\d+", r"\1\2<n>"),
        (r"\b0x[0-9a-fA-F]{6,}\b", "<address>"),
        (r"\b\d+(\.\d+)?(e-?\d+)? ?(s|ms|us|µs|ns|sec|secs|seconds|minutes)\b", "<duration>"),
        (r"(/[^\s:'\"]+)?/site-packages/", "<packages>/"),
        (r"(/[^\s:'\"]+)?/lib/python3[^\s:'\"]*/", "<python>/"),
        (r"[ \t]+$", ""),
    )
)


class ToolError(Exception):
    """A tool raised or exited; ``log`` is what it said, scrubbed; its exception is the cause of this one."""

    def __init__(self, message: str, log: str) -> None:
        super().__init__(message)
        self.log = log


def call(function: Callable[[], T], *hide: str) -> tuple[T, str]:
    """Call ``function`` with stdout, stderr (descriptors 1 and 2) and warnings turned into a log.

    Returns its value and the scrubbed log, in which each text of ``hide`` (a temporary path) reads
    ``<tmp>``. Raises :class:`ToolError` when it raises or exits; KeyboardInterrupt passes.
    """
    with tempfile.TemporaryFile() as sink:
        value: T | None = None
        failure: BaseException | None = None
        with _descriptors_to(sink.fileno()), _process_settings():
            try:
                value = function()
            except (Exception, SystemExit) as error:
                failure = error
        sink.seek(0)
        log = scrub(sink.read().decode("utf-8", "replace"), *hide)
    if failure is not None:
        kind = "it gave up" if isinstance(failure, SystemExit) else type(failure).__name__
        raise ToolError(f"{kind}: {failure}", log) from failure
    return value, log  # type: ignore[return-value]


def scrub(text: str, *hide: str) -> str:
    """Take out of a log what differs between two runs: times, process numbers, paths, colours."""
    for secret in sorted(filter(None, hide), key=len, reverse=True):
        text = text.replace(secret, "<tmp>")
    for pattern, to in _SCRUB:
        text = pattern.sub(to, text)
    return text


@contextmanager
def _descriptors_to(sink: int) -> Iterator[None]:
    _flush()
    saved = os.dup(1), os.dup(2)
    try:
        os.dup2(sink, 1)
        os.dup2(sink, 2)
        # sys.stdout need not be descriptor 1: not in a notebook, not under a test runner
        with (
            open(os.dup(sink), "w", buffering=1, encoding="utf-8", errors="backslashreplace") as text,
            redirect_stdout(text),
            redirect_stderr(text),
        ):
            yield
    finally:
        _flush()
        for descriptor, original in zip((1, 2), saved, strict=True):
            os.dup2(original, descriptor)
            os.close(original)


@contextmanager
def _process_settings() -> Iterator[None]:
    """Undo what the tools do to the process: recursion limit, warning filters, environment."""
    limit, environment = sys.getrecursionlimit(), dict(os.environ)
    os.environ.update(TF_CPP_MIN_LOG_LEVEL="2", TF_ENABLE_ONEDNN_OPTS="0", CUDA_VISIBLE_DEVICES="-1")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        sys.setrecursionlimit(limit)
        os.environ.clear()
        os.environ.update(environment)


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    ctypes.CDLL(None).fflush(None)  # C's own buffers, which the tools fill
