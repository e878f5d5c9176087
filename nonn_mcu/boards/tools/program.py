"""Tools that are programs: found, run with their output passed on, and their failures put into words."""

from __future__ import annotations

import os
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from nonn_mcu.boards.tools.tool import Explanation, Job, Order, Show, Tool
from nonn_mcu.errors import BadInput, DeviceError, Interrupted, LinkError
from nonn_mcu.link.deadline import Deadline

STOP_SECONDS = 5.0
LAST_WORDS_SECONDS = 0.2
KEPT_BYTES = 64 << 10  # of a tool's output, to look for its reason in
HALF_WRITTEN = "the flash of {board} may be half-written; flash it again"
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_PROBE = re.compile(r"[\w.:-]{1,128}")


def program(
    *,
    name: str,
    programs: tuple[str, ...],
    install: str,
    formats: tuple[str, ...],
    order: Callable[[Job], Order],
    explanations: tuple[Explanation, ...],
    verifies: bool,
    places: tuple[str, ...] = (),
    port_is_new: bool = False,
) -> Tool:
    """Describe a tool that is a program: the first of ``programs`` on PATH, or in one of ``places``."""

    def find() -> str | None:
        # What pip installed beside this package is there without its environment being activated.
        folders = os.pathsep.join(
            [
                os.environ.get("PATH", os.defpath),
                str(Path(sys.executable).parent),
                *map(os.path.expanduser, places),
            ]
        )
        return next((found for one in programs if (found := shutil.which(one, path=folders))), None)

    def write(path: str, job: Job, deadline: Deadline, show: Show) -> None:
        if job.probe is not None and not _PROBE.fullmatch(job.probe):
            raise BadInput(f"--probe {job.probe!r}: not the id or serial number of a probe")
        asked = order(job)
        with tempfile.TemporaryDirectory(prefix="nonn-mcu.") as folder:
            # The tool gets what was checked, under names that mean nothing to it or its scripting language.
            for file, data in asked.files.items():
                (Path(folder) / file).write_bytes(data)
            code, output = run([path, *asked.arguments], Path(folder), job, deadline, show)
        if code != 0:
            raise explain(name, code, output, explanations, job)

    return Tool(name, install, formats, find, write, verifies, port_is_new)


def single_file(job: Job) -> dict[str, bytes]:
    """Give the image under a plain name that ends in its format."""
    return {f"firmware.{job.image.format}": job.image.data}


def run(command: list[str], folder: Path, job: Job, deadline: Deadline, show: Show) -> tuple[int, str]:
    """Run ``command`` in ``folder``; give its exit code and the end of what it printed.

    Where stderr is a terminal the program sees one too, so that it draws its progress. Whatever happens, it
    and what it started have ended on return. Raises :class:`LinkError` at the deadline, :class:`Interrupted`
    on Ctrl-C, and :class:`BadInput` where it cannot be started.
    """
    if sys.platform == "win32":
        raise BadInput("flash runs tools on Linux and macOS; on Windows write the image with the tool itself")
    ours, theirs = _channel()
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,  # Ctrl-C comes to us, and a whole group can be ended
            env=os.environ | {"LC_ALL": "C", "PYTHONUNBUFFERED": "1"},
        )
    except OSError as error:
        os.close(ours)
        raise BadInput(f"{command[0]}: cannot be started ({error.strerror or error})") from None
    finally:
        os.close(theirs)
    kept = bytearray()
    try:
        for chunk in _output(ours, process, deadline):
            show(chunk)
            kept += chunk
            del kept[:-KEPT_BYTES]
        if process.poll() is None:
            raise LinkError(
                f"{Path(command[0]).name} did not finish in time and was ended: "
                f"{HALF_WRITTEN.format(board=job.board.name)}, with a longer --timeout"
            )
        return process.returncode, kept.decode("utf-8", "replace")
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted, {Path(command[0]).name} was ended: {HALF_WRITTEN.format(board=job.board.name)}"
        ) from None
    finally:
        _end(process)
        os.close(ours)


def explain(tool: str, code: int, output: str, explanations: Iterable[Explanation], job: Job) -> Exception:
    """Put a tool's failure into one line: by its own messages where they are known, else the last of them."""
    lines = [line.strip() for line in _ESCAPES.sub("", output).replace("\r", "\n").splitlines()]
    text = " ".join(" ".join(lines).split())
    for known in explanations:
        if found := re.search(known.pattern, text):
            return known.error(f"{tool}: {known.text.format(*found.groups(), board=job.board.name)}")
    how = f"was ended by signal {-code}" if code < 0 else f"failed with exit code {code}"
    last = next((line for line in reversed(lines) if line), "it said nothing")
    return DeviceError(f"{tool} {how}: {last}")


def _channel() -> tuple[int, int]:
    """Make a pipe, or a pseudo-terminal of the terminal's size: (what to read from, what to write to)."""
    if not os.isatty(2):
        return os.pipe()
    import termios  # Windows has none

    ours, theirs = os.openpty()
    with suppress(termios.error, OSError):
        termios.tcsetwinsize(theirs, termios.tcgetwinsize(2))
    return ours, theirs


def _output(ours: int, process: subprocess.Popen[bytes], deadline: Deadline) -> Iterable[bytes]:
    """Give what the program prints, until it has ended or time is up."""
    while not deadline.expired():
        ended = process.poll() is not None
        # A program it started may hold the line open: after the end, take only what is already there.
        ready, _, _ = select.select(
            [ours], [], [], 0 if ended else min(LAST_WORDS_SECONDS, deadline.remaining())
        )
        if ready:
            try:
                chunk = os.read(ours, 4096)
            except OSError:  # what a pseudo-terminal says when nobody has it open any more
                chunk = b""
            if chunk:
                yield chunk
                continue
            with suppress(subprocess.TimeoutExpired):
                process.wait(deadline.remaining())
            return
        if ended:
            return


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the program and all it started: politely, so that it lets the board go, then for good."""
    if process.poll() is None:
        _signal(process, signal.SIGINT)
        with suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            process.wait(STOP_SECONDS)
    _signal(process, signal.SIGKILL)
    process.wait()


def _signal(process: subprocess.Popen[bytes], number: int) -> None:
    with suppress(OSError):
        os.killpg(process.pid, number)
