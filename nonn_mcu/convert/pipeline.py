"""The whole conversion: a student and its samples become a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from nonn_mcu import budget, bundle
from nonn_mcu.bundle import BudgetInfo, Bundle, LayerInfo, Runtime
from nonn_mcu.codegen.names import identifier
from nonn_mcu.convert import runtimes
from nonn_mcu.convert.assemble import assemble
from nonn_mcu.convert.int8 import Int8, Progress, from_float, from_tflite
from nonn_mcu.convert.pixels import on_pixels
from nonn_mcu.convert.sets import Sets
from nonn_mcu.errors import BadInput, OverBudget
from nonn_mcu.manifest import Goal
from nonn_mcu.students import Student


class TooLarge(OverBudget):
    """The plan is over the budget; ``info`` and ``layers`` say by how much and where."""

    def __init__(self, message: str, info: BudgetInfo, layers: tuple[LayerInfo, ...]) -> None:
        super().__init__(message)
        self.info = info
        self.layers = layers


def model_name(student: str, wanted: str | None = None) -> str:
    """Give the name that the ``student`` of a name has in C, in file names and on the device.

    Raises :class:`BadInput` for a ``wanted`` one that cannot be.
    """
    if wanted is not None and identifier(wanted) != wanted:
        raise BadInput(
            f"--name {wanted!r}: a name in C of lower-case letters, digits and underscores, such as "
            f"{identifier(wanted)}"
        )
    return identifier(student) if wanted is None else wanted


@dataclass(frozen=True)
class Converted:
    """The bundle on disk, and what a user should know about it although nothing is wrong."""

    bundle: Bundle
    notes: tuple[str, ...]


def convert(
    student: Student,
    sets: Sets,
    out: Path,
    *,
    name: str | None = None,
    runtime: Runtime | None = None,
    goal: Goal = "balance",
    vectors: int = 200,
    flash_limit: int | None = None,
    ram_limit: int | None = None,
    force: bool = False,
    command: str = "",
    progress: Progress = lambda step: None,
) -> Converted:
    """Convert ``student`` and write the bundle at ``out``, whole or not at all.

    Of the ``sets``, calibration is what to quantise with; with validation the quantisation is refined. Test
    becomes golden vectors, at most ``vectors`` of them. A ready ``.tflite`` needs none: without test its
    vectors are random. The model is called ``name``, else after the student. Without a ``runtime`` the code
    of each that has the model's operators is made; ``goal`` is what the native one's kernels are chosen for.
    ``command`` is what was typed. Raises :class:`BadInput`, and :class:`TooLarge` over budget unless
    ``force``.
    """
    if student.kind != "tflite" and (sets.calibration is None or sets.test is None):
        raise BadInput(f"{student.name}: quantisation needs samples; give them with --calib")
    bundle.require_free(out)
    name = model_name(student.name, name)
    if student.kind == "tflite":
        progress("Reading the model")
        quantised = from_tflite(student)
    else:
        (student,), sets = on_pixels([student], sets)
        quantised = to_int8(student, sets, progress)
    progress("Generating C")
    code = runtimes.generate(quantised, name, runtime, flash_limit, ram_limit, goal=goal)
    if not force:
        require_budget(code)
    made = assemble(
        student, quantised, code, sets, name=name, vectors=vectors, command=command, progress=progress
    )
    return Converted(bundle.write(out, made.files, made.manifest), made.notes)


def to_int8(
    student: Student,
    sets: Sets,
    progress: Progress,
    *,
    ranges: Mapping[str, tuple[float, float]] | None = None,
) -> Int8:
    """Quantise a float student with the ``sets``, which have calibration.

    ``ranges`` are those that it may have learned, as :func:`from_float` takes them. Raises :class:`BadInput`.
    """
    assert sets.calibration is not None
    held_out = None if sets.validation is None else sets.validation.x
    return from_float(
        student, sets.calibration.x, progress, validation=held_out, ranges=ranges, made=sets.made
    )


def require_budget(code: runtimes.Code) -> None:
    """Raise :class:`TooLarge` where the code does not fit its limits."""
    if over := budget.overrun(code.budget):
        message = f"{over}; nothing was written, --force writes it all the same"
        raise TooLarge(message, code.budget, (*code.layers, *code.head_layers))
