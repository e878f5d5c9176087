"""Starting a board that is a process: an emulator, or the host's own firmware."""

from __future__ import annotations

import contextlib
import os
import re
import select
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import IO

from nonn_mcu.boards.board import Board
from nonn_mcu.boards.build import build, require
from nonn_mcu.boards.runtime import NATIVE, Runtime
from nonn_mcu.errors import BadInput, LinkError, NoDevice

START_SECONDS = 20.0
STOP_SECONDS = 5.0
DYING_SECONDS = 0.3
_PTY = re.compile(r"/dev/\S+")


class Running:
    """A started board; a context manager that always ends the process.

    ``port`` is the path of its pseudo-terminal. When the process died by itself, leaving the context turns a
    :class:`LinkError` or :class:`NoDevice` inside it into a LinkError that says so.
    """

    def __init__(self, board: Board, port: str, process: subprocess.Popen[str], stderr: IO[bytes]) -> None:
        self.board = board
        self.port = port
        self._process = process
        self._stderr = stderr

    @property
    def pid(self) -> int:
        """The process, for looking at it from outside."""
        return self._process.pid

    def obituary(self) -> str | None:
        """How the process ended and its last words, or None while it runs."""
        code = self._process.poll()
        return None if code is None else _obituary(self.board, code, self._stderr)

    def stop(self) -> int:
        """End the process and give its exit status; harmless when it has ended."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        return self._process.returncode

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        lost = isinstance(error, LinkError | NoDevice)  # a port goes with the process that made it
        if lost:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(DYING_SECONDS)  # the line breaks a little before the process is gone
        obituary = self.obituary()
        self.stop()
        self._stderr.close()
        if obituary is not None and lost:
            raise LinkError(f"{obituary} ({error})") from error


def start(board: Board, firmware: Path) -> Running:
    """Start ``firmware`` (the linked program) on ``board`` and wait for its pseudo-terminal's name.

    Raises :class:`BadInput` for a board that cannot be started or a missing emulator, :class:`LinkError` when
    the process ends or says nothing in time.
    """
    if not board.command:
        raise BadInput(f"{board.name} is no emulated board; connect one and use --port")
    require(board.run_tools, f"starting {board.name}")
    command = [part.replace("{firmware}", os.fspath(firmware.absolute())) for part in board.command]
    stderr = tempfile.TemporaryFile()  # noqa: SIM115, it lives as long as the process
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            errors="replace",
            start_new_session=True,  # Ctrl-C is for us: the board must outlive the request in flight
        )
    except OSError as error:
        stderr.close()
        raise BadInput(f"{command[0]}: cannot be started ({error.strerror or error})") from None
    running = Running(board, "", process, stderr)
    try:
        running.port = _read_port(running, process)
    except BaseException:
        running.stop()
        stderr.close()
        raise
    return running


def build_and_start(
    bundle: Path, board: Board, optimize: str | None = None, runtime: Runtime = NATIVE
) -> Running:
    """Build unless the bundle's build is current, and start it. Raises as :func:`build` and :func:`start`."""
    return start(board, build(bundle, board, optimize, runtime=runtime).path)


def _read_port(running: Running, process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    deadline = time.monotonic() + START_SECONDS
    text = ""
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise LinkError(f"{running.board.name}: no pseudo-terminal within {START_SECONDS:.0f} s")
        if not select.select([process.stdout], [], [], left)[0]:
            continue
        chunk = os.read(process.stdout.fileno(), 4096).decode("utf-8", "replace")
        text += chunk
        if "\n" in text and (found := _PTY.search(text)):
            return found.group()
        if not chunk:
            code = process.wait()
            raise LinkError(_obituary(running.board, code, running._stderr))


def _obituary(board: Board, code: int, stderr: IO[bytes]) -> str:
    stderr.seek(0)
    lines = stderr.read()[-4000:].decode("utf-8", "replace").splitlines()
    last = next((line.strip() for line in reversed(lines) if line.strip()), "it said nothing")
    how = f"signal {-code}" if code < 0 else f"status {code}"
    return f"{board.name}: the process ended with {how}: {last}"
