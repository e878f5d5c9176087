"""``nonn-mcu convert``: from a student to a bundle."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nonn_mcu.cli import student_options
from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import steps
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.calib import Samples
    from nonn_mcu.convert.pipeline import Converted, TooLarge
    from nonn_mcu.students import Student

# Ranges of activations settle within a few hundred samples; each costs an inference.
CALIBRATION_SAMPLES = 256
MAX_VECTORS = 10_000

# What a runtime's code begins with, in the bundle.
NATIVE, TFLM = "native/model.c", "tflm/model.cc"


def convert(
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
    arch: student_options.Arch = None,
    shape: student_options.Shape = None,
    layout: student_options.Layout = None,
    mean: student_options.Mean = None,
    std: student_options.Std = None,
    labels: student_options.Labels = None,
    calib: Annotated[
        str | None,
        typer.Option(metavar="SRC", help="Images DIR, .npy/z, digits, cifar10:DIR."),
    ] = None,
    vectors: Annotated[
        int, typer.Option(metavar="N", help="Golden vectors: 200 if left out.", show_default=False)
    ] = 200,
    flash: Annotated[
        str,
        typer.Option(
            "--budget", metavar="SIZE", help="Flash: 500KB if left out; KiB works too.", show_default=False
        ),
    ] = "500KB",
    ram: Annotated[str | None, typer.Option(metavar="SIZE", help="RAM; no limit if left out.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Write the bundle even over budget.")] = False,
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Run code in STUDENT: if you trust it!")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Print the tools' log to stderr.")] = False,
) -> int:
    """Convert a student to int8 and C: a bundle to build, flash and verify.

    [bold]nonn-mcu convert[/] student.pt --calib cifar10:data/cifar-10-batches-bin

    Exit codes: 0 converted, 1 over budget, 2 bad input.
    """
    from nonn_mcu import budget
    from nonn_mcu.bundle import RUNTIMES
    from nonn_mcu.convert import assemble, pipeline
    from nonn_mcu.convert.quiet import ToolError
    from nonn_mcu.report import budget_report

    if not 1 <= vectors <= MAX_VECTORS:
        raise BadInput(f"--vectors {vectors}: give 1 to {MAX_VECTORS}")
    if runtime not in (None, *RUNTIMES):
        raise BadInput(f"--runtime {runtime!r}: it is one of {', '.join(RUNTIMES)}")
    limits = (budget.parse_size(flash), None if ram is None else budget.parse_size(ram))
    with steps() as progress:
        progress(f"Loading {one_line(os.fsdecode(student))}")
        loaded = student_options.load(
            student,
            arch=arch,
            shape=shape,
            layout=layout,
            mean=mean,
            std=std,
            labels=labels,
            calibration=calib,
            allow_pickle=allow_pickle,
        )
        calibration, test = _samples(loaded, vectors, progress)
        target = Path("build", pipeline.model_name(loaded, name)) if out is None else out
        over: pipeline.TooLarge | None = None
        try:
            converted = pipeline.convert(
                loaded,
                calibration,
                test,
                target,
                name=name,
                runtime=runtime,
                vectors=vectors,
                flash_limit=limits[0],
                ram_limit=limits[1],
                force=force,
                progress=progress,
            )
        except pipeline.TooLarge as error:
            over = error
        except BadInput as error:
            if verbose and isinstance(error.__cause__, ToolError):
                print(error.__cause__.log, file=sys.stderr)
            raise
    if over is not None:
        if not as_json:
            print(budget_report.refusal(over.info, over.layers))
            raise over
        print_json("convert", over.exit_code, _refusal_json(over))
        return over.exit_code
    if verbose:
        log = (converted.bundle.path / assemble.LOG).read_text(encoding="utf-8")
        print(log, file=sys.stderr)
    if as_json:
        print_json("convert", 0, _to_json(converted))
    else:
        _print(converted)
    return 0


def _samples(
    loaded: Student, vectors: int, progress: Callable[[str], None]
) -> tuple[Samples | None, Samples | None]:
    from nonn_mcu import calib

    source = loaded.calibration
    if source is None:
        if loaded.kind == "tflite":
            return None, None
        raise BadInput(
            f"{loaded.name}: names no calibration set and none is given; give representative samples with "
            "--calib: a folder of images, a .npy or .npz, digits, or cifar10:FOLDER"
        )
    progress(f"Reading {one_line(source)}")
    test = calib.load(source, loaded.input, split="test", limit=vectors)
    if loaded.kind == "tflite":
        return None, test
    return calib.load(source, loaded.input, limit=CALIBRATION_SAMPLES), test


def _print(converted: Converted) -> None:
    from nonn_mcu.report import budget_report
    from nonn_mcu.report.conversion import fidelity_lines

    path, manifest = converted.bundle.path, converted.bundle.manifest
    rows = [
        ("bundle", path),
        ("model", path / manifest.model_file),
        *((label, path / file) for label, file in (("C", NATIVE), ("TFLM", TFLM)) if file in manifest.files),
        ("report", path / "report.md"),
    ]
    for what, where in rows:
        print(f"{what:8}{one_line(os.fsdecode(where))}")
    for line in fidelity_lines(manifest.fidelity, manifest.outputs):
        print(f"{'fidelity':8} {one_line(line)}")
    if manifest.tflm is not None:
        print(f"{'arena':8}{manifest.tflm.arena_bytes:,} B at most, over TensorFlow Lite Micro")
    print(f"\n{budget_report.summary(manifest.budget)}")
    for note in converted.notes:
        print(f"note: {one_line(note)}", file=sys.stderr)


def _to_json(converted: Converted) -> dict[str, Any]:
    path, manifest = converted.bundle.path, converted.bundle.manifest
    body = manifest.model_dump(
        mode="json",
        include={"name", "model_sha256", "fidelity", "budget", "runtimes", "arena_bytes"},
    )
    return body | {
        "bundle": one_line(os.fsdecode(path)),
        "model": manifest.model_file,
        "c": NATIVE if NATIVE in manifest.files else None,
        "tflm": TFLM if TFLM in manifest.files else None,
        "tflm_arena_bytes": None if manifest.tflm is None else manifest.tflm.arena_bytes,
        "layers": len(manifest.layers),
        "notes": list(converted.notes),
    }


def _refusal_json(error: TooLarge) -> dict[str, Any]:
    return {
        "error": {"type": "OverBudget", "message": str(error)},
        "budget": error.info.model_dump(mode="json"),
        "layers": [layer.model_dump(mode="json") for layer in error.layers],
    }
