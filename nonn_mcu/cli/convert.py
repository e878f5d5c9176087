"""``nonn-mcu convert``: from a student to a bundle."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    arch: Annotated[
        str | None, typer.Option(metavar="NAME", help="For a state_dict: wrn16-1 or FILE.py:FUNC.")
    ] = None,
    shape: Annotated[str | None, typer.Option(metavar="C,H,W", help="Input without batch.")] = None,
    layout: Annotated[str | None, typer.Option(metavar="L", help="CHW, HWC or FLAT.")] = None,
    mean: Annotated[str | None, typer.Option(metavar="M,..", help="Per channel, of pixels in 0..1.")] = None,
    std: Annotated[str | None, typer.Option(metavar="S,..", help="Per channel.")] = None,
    labels: Annotated[str | None, typer.Option(metavar="A,B,..", help="Names of the classes.")] = None,
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
    from nonn_mcu import budget, students
    from nonn_mcu.bundle import RUNTIMES
    from nonn_mcu.convert import pipeline
    from nonn_mcu.convert.quiet import ToolError
    from nonn_mcu.report import budget_report

    if not 1 <= vectors <= MAX_VECTORS:
        raise BadInput(f"--vectors {vectors}: give 1 to {MAX_VECTORS}")
    if runtime not in (None, *RUNTIMES):
        raise BadInput(f"--runtime {runtime!r}: it is one of {', '.join(RUNTIMES)}")
    limits = (budget.parse_size(flash), None if ram is None else budget.parse_size(ram))
    with steps() as progress:
        progress(f"Loading {one_line(os.fsdecode(student))}")
        loaded = students.load(
            student,
            arch=arch,
            allow_pickle=allow_pickle,
            shape=_numbers(shape, "--shape", int),
            layout=layout,  # type: ignore[arg-type]
            mean=_numbers(mean, "--mean", float),
            std=_numbers(std, "--std", float),
            labels=None if labels is None else tuple(label.strip() for label in labels.split(",")),
            calibration=calib,
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
        log = (converted.bundle.path / pipeline.LOG).read_text(encoding="utf-8")
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


def _numbers(text: str | None, option: str, kind: type) -> tuple[Any, ...] | None:
    if text is None:
        return None
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        example = "3,32,32" if kind is int else "0.5,0.5,0.5"
        raise BadInput(
            f"{option} {text!r}: give numbers with commas between them, such as {example}"
        ) from None


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
