"""``nonn-mcu convert``: from a student to a bundle, from a network to a folder of bundles."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nonn_mcu.cli import convert_result
from nonn_mcu.cli.convert_result import Result
from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import steps
from nonn_mcu.cli.provenance import command_line
from nonn_mcu.cli.student_options import NetworkOptions, with_network_options
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.bundle import Runtime
    from nonn_mcu.convert.sets import Sets
    from nonn_mcu.manifest import Goal
    from nonn_mcu.nonn.checkpoint import Trained
    from nonn_mcu.students import Student

# What changes no byte of a bundle, or says no more than what the manifest has of it.
_UNTOLD = ("out", "head", "as_json", "verbose", "allow_pickle")
MAX_VECTORS = 10_000


@dataclass(frozen=True)
class _Order:
    """What is asked for, of a student and of a network alike."""

    out: Path | None
    name: str | None
    runtime: Runtime | None
    goal: Goal
    refine: bool
    command: str
    vectors: int
    flash_limit: int
    ram_limit: int | None
    force: bool
    progress: Callable[[str], None]

    def place(self, name: str) -> Path:
        return Path("build", name) if self.out is None else self.out


@with_network_options()
def convert(
    ctx: typer.Context,
    student: Annotated[
        Path, typer.Argument(metavar="STUDENT", help=".pt, .pt2, .onnx or int8 .tflite.", show_default=False)
    ],
    *,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="DIR", help="The bundle; else build/NAME.")
    ] = None,
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of the model; else that of the file.")
    ] = None,
    runtime: Annotated[
        str | None, typer.Option(metavar="R", help="native or tflm; both if left out.")
    ] = None,
    small: Annotated[
        bool | None, typer.Option("--size/--speed", metavar="", help="Small code, or fast; else both.")
    ] = None,
    network: NetworkOptions,
    calib: Annotated[
        str | None,
        typer.Option(metavar="SRC", help="Images DIR, .npy/z, stats, noise, .."),
    ] = None,
    quantise: Annotated[
        str, typer.Option(metavar="Q", help="stock: as TensorFlow Lite does it.", show_default=False)
    ] = "auto",
    vectors: Annotated[
        int, typer.Option(metavar="N", help="Golden vectors: 200 if left out.", show_default=False)
    ] = 200,
    flash: Annotated[
        str,
        typer.Option("--budget", metavar="SIZE", help="Flash: 500KB if left out.", show_default=False),
    ] = "500KB",
    ram: Annotated[str | None, typer.Option(metavar="SIZE", help="RAM; no limit if left out.")] = None,
    head: Annotated[str | None, typer.Option(metavar="WHERE", help="Of a network: host or device:K.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write the bundle even over budget.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print the tools' log to stderr.")] = False,
) -> int:
    """Convert a student, or a network of students, to int8 and C, for a device each.

    [bold]nonn-mcu convert[/] student.pt --calib cifar10:data/cifar-10-batches-bin

    Exit codes: 0 converted, 1 over budget, 2 bad input.
    """
    # before torch is loaded: threads that spin while they wait take the cores from those that work
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    from nonn_mcu import budget
    from nonn_mcu.bundle import RUNTIMES
    from nonn_mcu.convert.assemble import LOG
    from nonn_mcu.convert.pipeline import TooLarge
    from nonn_mcu.convert.quiet import ToolError
    from nonn_mcu.report import budget_report

    if not 1 <= vectors <= MAX_VECTORS:
        raise BadInput(f"--vectors {vectors}: give 1 to {MAX_VECTORS}")
    if runtime not in (None, *RUNTIMES):
        raise BadInput(f"--runtime {runtime!r}: it is one of {', '.join(RUNTIMES)}")
    if quantise not in ("auto", "stock"):
        raise BadInput(f"--quantise {quantise!r}: it is auto or stock")
    goals: dict[bool | None, Goal] = {True: "size", False: "speed", None: "balance"}
    limits = (budget.parse_size(flash), None if ram is None else budget.parse_size(ram))
    try:
        with steps() as progress:
            progress(f"Loading {one_line(os.fsdecode(student))}")
            typed = command_line(ctx, _UNTOLD)
            wishes = (out, name, runtime, goals[small], quantise == "auto", typed, vectors)
            order = _Order(*wishes, *limits, force, progress)
            result = _convert(student, network, calib, head, order)
    except TooLarge as error:
        if not as_json:
            print(budget_report.refusal(error.info, error.layers))
            raise
        print_json("convert", error.exit_code, convert_result.of_refusal(error))
        return error.exit_code
    except BadInput as error:
        if verbose and isinstance(error.__cause__, ToolError):
            print(error.__cause__.log, file=sys.stderr)
        raise
    if verbose:
        for bundle in result.bundles:
            print((bundle.path / LOG).read_text(encoding="utf-8"), file=sys.stderr)
    if as_json:
        print_json("convert", 0, result.body)
    else:
        print("\n".join(result.lines))
        for note in result.notes:
            print(f"note: {one_line(note)}", file=sys.stderr)
    return 0


def _convert(file: Path, own: NetworkOptions, calib: str | None, head: str | None, order: _Order) -> Result:
    """Convert whatever the file holds; ``own`` are the options that a network's file makes needless."""
    from nonn_mcu.nonn.convert import loading

    trained = loading.load(file)
    if trained is None:
        if head is not None:
            raise BadInput(f"--head {head}: {file} is no network of students; leave it out")
        return _student(own.load(file, calib), order)
    given = next((option for option, value in vars(own).items() if value), None)
    if given is not None:
        raise BadInput(
            f"--{given.replace('_', '-')}: {file} is a network, which says it itself; leave it out"
        )
    return _network(trained, calib, head, order)


def _student(student: Student, order: _Order) -> Result:
    from nonn_mcu import calib
    from nonn_mcu.convert import pipeline
    from nonn_mcu.convert.sets import Sets

    sets = Sets(None, None, None)
    if student.kind != "tflite":
        sets = _sets(student, student.calibration, order.vectors, order)
    elif student.calibration is not None:
        order.progress(f"Reading {one_line(student.calibration)}")
        test = calib.load(student.calibration, student.input, split="test", limit=order.vectors)
        sets = Sets(None, None, test)
    converted = pipeline.convert(
        student,
        sets,
        order.place(pipeline.model_name(student.name, order.name)),
        name=order.name,
        runtime=order.runtime,
        goal=order.goal,
        vectors=order.vectors,
        flash_limit=order.flash_limit,
        ram_limit=order.ram_limit,
        force=order.force,
        command=order.command,
        progress=order.progress,
    )
    return convert_result.of_student(converted)


def _network(trained: Trained, source: str | None, head: str | None, order: _Order) -> Result:
    from nonn_mcu.convert import pipeline
    from nonn_mcu.nonn.convert.convert import convert as convert_network
    from nonn_mcu.nonn.convert.convert import whole
    from nonn_mcu.nonn.convert.member import Limits

    place = re.fullmatch(r"host|device:(\d{1,2})", "host" if head is None else head, re.ASCII)
    if place is None:
        raise BadInput(f"--head {head!r}: it is host, or device:K for the device of student K")
    converted = convert_network(
        trained,
        _sets(whole(trained), source or trained.content.calibration, None, order),
        order.place(pipeline.model_name(trained.name, order.name)),
        name=order.name,
        holder=None if place[1] is None else int(place[1]),
        runtime=order.runtime,
        vectors=order.vectors,
        limits=Limits(order.flash_limit, order.ram_limit, order.force, order.goal),
        command=order.command,
        progress=order.progress,
    )
    return convert_result.of_network(converted)


def _sets(student: Student, source: str | None, test_limit: int | None, order: _Order) -> Sets:
    from nonn_mcu.convert.sets import gather

    return gather(student, source, test_limit=test_limit, validate=order.refine, progress=order.progress)
