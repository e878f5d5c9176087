"""Building within a budget: what does not fit is not put in place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from nonn_mcu import budget
from nonn_mcu.boards.board import Board
from nonn_mcu.boards.build import Firmware, build
from nonn_mcu.boards.elf import Sizes, measure
from nonn_mcu.boards.runtime import NATIVE, Runtime
from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import OverBudget
from nonn_mcu.manifest import BudgetInfo
from nonn_mcu.target import of_core


@dataclass(frozen=True)
class Fit:
    """What a linked firmware takes, part by part, and against its limits, in bytes."""

    sizes: Sizes
    info: BudgetInfo


class DoesNotFit(OverBudget):
    """The linked firmware is over its budget; ``fit`` says by how much."""

    def __init__(self, message: str, fit: Fit) -> None:
        super().__init__(message)
        self.fit = fit


def build_within(
    bundle: Bundle,
    board: Board,
    optimize: str,
    out: Path | None,
    *,
    flash_limit: int | None,
    ram_limit: int | None,
    runtime: Runtime = NATIVE,
    keep_input: bool = False,
    mlperf: bool = True,
    force: bool = False,
) -> tuple[Firmware, Fit | None]:
    """Build and measure; None instead of a fit on the host, whose memory is no budget.

    Raises :class:`DoesNotFit`, unless ``force``, and what :func:`build` raises.
    """
    planned = bundle.manifest.budget
    if (native := bundle.manifest.native_on(of_core(board.core).runtime)) is not None:
        planned = planned.model_copy(update={"weights": native.weights, "tables": native.tables})
    if runtime.name == "tflm":  # it reads the file itself
        planned = planned.model_copy(update={"weights": len(bundle.model), "tables": 0})

    def fit_of(program: Path) -> Fit:
        sizes = measure(program)
        return Fit(sizes, budget.of_firmware(sizes, planned, flash_limit, ram_limit))

    def accept(program: Path) -> None:
        if board.flash_bytes is None or force:
            return
        fit = fit_of(program)
        if reason := budget.overrun(fit.info):
            raise DoesNotFit(f"{reason}; --force builds it all the same", fit)

    firmware = build(
        bundle.path,
        board,
        optimize,
        out,
        runtime=runtime,
        keep_input=keep_input,
        mlperf=mlperf,
        accept=accept,
    )
    return firmware, None if board.flash_bytes is None else fit_of(firmware.path)
