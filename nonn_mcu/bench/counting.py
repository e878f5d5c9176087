"""Counting inside the emulator: building QEMU's plugin (plugin.c), starting a board with it, reading it."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from nonn_mcu.bench.program import Program
from nonn_mcu.boards.board import Board
from nonn_mcu.boards.start import Running, start
from nonn_mcu.errors import BadInput, LinkError

SOURCE = Path(__file__).with_name("plugin.c")
_FLAGS = ("-shared", "-fPIC", "-fvisibility=hidden", "-O2")
_ENTRY = struct.Struct("=IQQ")


@dataclass(frozen=True)
class Count:
    """``runs`` of one instruction, and after how many something else came than the next one in memory."""

    runs: int
    left: int

    def __sub__(self, other: Count) -> Count:
        return Count(self.runs - other.runs, self.left - other.left)


Histogram = Mapping[int, Count]  # by address; what never ran is not in it


class Counter:
    """A started board whose inferences are counted; :meth:`take` gives them in order."""

    def __init__(self, running: Running, path: Path) -> None:
        self.running = running
        self._path = path
        self._read = 0

    def take(self) -> Histogram:
        """Give the inference that ended after the last one taken. Raises :class:`LinkError` if none did."""
        with self._path.open("rb") as stream:
            stream.seek(self._read)
            head = stream.read(4)
            entries = int.from_bytes(head, sys.byteorder) if len(head) == 4 else 0
            body = stream.read(entries * _ENTRY.size)
            self._read = stream.tell()
        if not entries or len(body) != entries * _ENTRY.size:
            raise LinkError(f"{self.running.board.name}: the emulator counted no inference")
        return {address: Count(runs, left) for address, runs, left in _ENTRY.iter_unpack(body)}


@contextmanager
def counting(board: Board, firmware: Path, program: Program) -> Iterator[Counter]:
    """Start ``firmware`` on an emulated ``board`` with every inference of it counted.

    Raises :class:`BadInput` where there is no compiler for the plugin or the emulator takes none, and as
    :func:`nonn_mcu.boards.start.start`.
    """
    with tempfile.TemporaryDirectory(prefix="nonn-mcu-bench-") as folder:
        counts = Path(folder) / "counts"
        counts.touch()
        arguments = [f"out={counts}", *(f"from={entry:x}" for entry in program.entries)]
        arguments += [f"until={_range(program.sections['device'])}"]
        arguments += [f"count={_range(one)}" for one in program.counted]
        plugin = ",".join(text.replace(",", ",,") for text in (str(_build(Path(folder))), *arguments))
        with start(replace(board, command=(*board.command, "-plugin", plugin)), firmware) as running:
            yield Counter(running, counts)


def _build(folder: Path) -> Path:
    compiler = os.environ.get("CC", "cc")
    if shutil.which(compiler) is None:
        raise BadInput(
            f"counting instructions needs a C compiler ({compiler}); install with: sudo apt-get install gcc"
        )
    made = folder / "plugin.so"
    done = subprocess.run(
        [compiler, *_FLAGS, "-o", str(made), str(SOURCE)], capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        said = next((line for line in done.stderr.splitlines() if "error" in line), "it said nothing")
        raise BadInput(f"{compiler}: cannot build the emulator's plugin: {said.strip()}")
    return made


def _range(one: tuple[int, int]) -> str:
    return f"{one[0]:x}:{one[1]:x}"
