"""Instructions of a bundle's firmware on an emulated board, and the bytes of the linked program."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

from nonn_mcu.boards.board import Board
from nonn_mcu.boards.build import build
from nonn_mcu.boards.elf import measure
from nonn_mcu.boards.start import start
from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import BadInput
from nonn_mcu.link.client import Device
from nonn_mcu.link.ports import SerialPort

OPTIMIZE = "O2"
# Of an inference: a teacher's takes minutes in an emulator.
PATIENCE_SECONDS = 3600.0


@dataclass(frozen=True)
class Run:
    """One inference of each model of a firmware: the bundle's own, and the head's where it holds that.

    ``flash`` and ``ram`` are bytes of the linked program, built at OPTIMIZE; the stack's reserve is RAM.
    """

    instructions: tuple[int, ...]
    flash: int
    ram: int


def run(bundle: Bundle, board: Board, head: Bundle | None = None) -> Run | None:
    """Build a bundle, start it on ``board`` and run its first golden vector, then that of ``head``.

    The build stays in the bundle, beside those of ``nonn-mcu build``. None where the planned firmware is
    larger than the board's memories. Raises :class:`BadInput` for a board whose counter counts no
    instructions, and what :func:`build`, :func:`start` and :class:`Device` raise.
    """
    if board.instructions_per_tick is None or not board.command:
        raise BadInput(f"{board.name} does not count instructions; name an emulated board such as mps2-an386")
    planned = bundle.manifest.budget
    if planned.flash > (board.flash_bytes or 0) or planned.ram > (board.ram_bytes or 0):
        return None
    out = bundle.path / "build" / f"{board.name}-{OPTIMIZE}"
    firmware = build(bundle.path, board, OPTIMIZE, out)
    sizes = measure(firmware.path)
    counts = []
    with start(board, firmware.path) as running, contextlib.closing(SerialPort(running.port)) as port:
        device = Device(port, patience=PATIENCE_SECONDS)
        for number, model in enumerate((bundle, head) if head is not None else (bundle,)):
            one = device.model(number)
            one.run([array[:1] for array in model.vectors().inputs])
            counts.append(int(one.stats().ticks * board.instructions_per_tick))
    return Run(tuple(counts), sizes.flash, sizes.ram)
