"""``nonn-mcu distil``: from a partitioned teacher to a trained network of students."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nonn_mcu.cli import student_options
from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import show, steps
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.manifest import BudgetInfo
    from nonn_mcu.nonn.distil.distil import Data, Distilled
    from nonn_mcu.nonn.distil.train import Epoch
    from nonn_mcu.nonn.model import StudentSpec
    from nonn_mcu.nonn.parts import Parts

AUTO = "auto"
# What trial conversions are calibrated with: their ranges do not matter.
TRIAL_SAMPLES = 16


@student_options.with_network_options()
def distil(
    teacher: Annotated[
        Path, typer.Argument(metavar="TEACHER", help="A checkpoint or state_dict.", show_default=False)
    ],
    parts: Annotated[
        Path, typer.Argument(metavar="PARTS", help="Made by partition of it.", show_default=False)
    ],
    *,
    data: Annotated[str, typer.Option(metavar="SRC", help="As --calib of convert.", show_default=False)],
    student: Annotated[
        list[str], typer.Option(metavar="NAME", help="wrn16-1; one per group; auto.", show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Curves beside.")] = Path(
        "nonn.pt"
    ),
    epochs: Annotated[int, typer.Option(metavar="N", help="200 in the paper.")] = 30,
    qat: Annotated[int, typer.Option(metavar="N", help="More epochs, in fake int8.")] = 0,
    batch: Annotated[int, typer.Option(metavar="N", help="Images per step.")] = 128,
    rate: Annotated[float, typer.Option(metavar="R", help="Highest rate of SGD.")] = 0.1,
    augment: Annotated[str | None, typer.Option(metavar="A", help="none, crop, crop-flip.")] = None,
    views: Annotated[int | None, typer.Option(metavar="N", help="Of each image; else one per epoch.")] = None,
    loss: Annotated[str, typer.Option(metavar="A,T,B", help="Alpha, T, beta.")] = "0.9,4,4",
    method: Annotated[str, typer.Option(metavar="M", help="Or ce, kd, at, all.")] = "nonn",
    seed: Annotated[int, typer.Option(metavar="S", help="Of weights, order, views.")] = 0,
    cache: Annotated[Path | None, typer.Option(metavar="DIR", help="Keep the teacher's answers.")] = None,
    flash: Annotated[str, typer.Option("--budget", metavar="SIZE", help="For auto.")] = "500KB",
    ram: Annotated[str | None, typer.Option(metavar="SIZE", help="For auto; no limit if left out.")] = None,
    network: student_options.NetworkOptions,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Distil a partitioned teacher into students, one for each device.

    [bold]nonn-mcu distil[/] teacher.pt parts.json --data cifar10:DIR --student wrn16-1

    Exit codes: 0 trained, 2 bad input, 130 interrupted: run it again to go on.
    """
    student_options.require_packages("distilling a teacher", "lightning_fabric", "matplotlib")
    from nonn_mcu.nonn import parts as parts_file
    from nonn_mcu.nonn import teacher as teachers
    from nonn_mcu.nonn.distil import curve
    from nonn_mcu.nonn.distil import distil as distilling
    from nonn_mcu.nonn.distil.losses import METHODS, Weights
    from nonn_mcu.nonn.distil.train import Recipe, start_fabric
    from nonn_mcu.nonn.distil.views import AUGMENTS
    from nonn_mcu.students.arch import parse_name

    seen_as = student_options.one_of("--augment", augment or student_options.usual_augment(data), AUGMENTS)
    methods = METHODS if method == "all" else (student_options.one_of("--method", method, METHODS),)
    weights = Weights(*_loss(loss))
    for option, value, least in (
        *(("--epochs", epochs, 1), ("--batch", batch, 2), ("--seed", seed, 0), ("--qat", qat, 0)),
        *(("--views", views or 1, 1), ("--rate", rate, 1e-9)),
    ):
        if not least <= value < 1e9:
            raise BadInput(f"{option} {value}: give at least {least:g}")
    if out.is_dir() or out.suffix == ".svg":
        raise BadInput(f"--out {out}: give a file such as nonn.pt; the curves are beside it")
    fabric = start_fabric()
    with steps() as step:
        step(f"Loading {one_line(os.fsdecode(teacher))}")
        loaded = network.load(teacher)
        divided = parts_file.read(parts)
        parts_file.require_teacher(divided, teachers.of(loaded))  # another one may not have the layer
        taught_by = teachers.of(loaded, divided.teacher.layer)
        parts_file.require_teacher(divided, taught_by)
        step(f"Reading {one_line(data)}")
        samples = distilling.load_data(data, taught_by.input)
        if student == [AUTO]:
            step("Choosing students")
        specs = (
            _choose(divided, samples, taught_by.input, flash, ram)
            if student == [AUTO]
            else distilling.student_specs([parse_name(text) for text in student], divided)
        )
    results: list[Distilled] = []
    for one in methods:
        target = out if one == methods[0] else out.with_name(f"{out.stem}.{one}{out.suffix}")
        recipe = Recipe(one, epochs, batch, rate, seen_as, views or epochs, seed, weights)
        with show("images") as update:
            results.append(
                distilling.distil(
                    taught_by,
                    divided,
                    samples,
                    specs,
                    recipe,
                    tuning=qat,
                    out=target,
                    cache=cache,
                    fabric=fabric,
                    progress=lambda done, total, one=one: update(one, done, total),  # type: ignore[misc]
                    told=lambda epoch, one=one: _tell(one, epoch, epochs, qat),  # type: ignore[misc]
                )
            )
    if not fabric.is_global_zero:
        return 0
    image = curve.draw(
        {one.training.method: one.history for one in results},
        f"{loaded.name}: {len(specs)} students, {', '.join(dict.fromkeys(spec.arch for spec in specs))}",
    )
    parts_file.write_whole(out.with_suffix(".svg"), image)
    if as_json:
        print_json("distil", 0, _to_json(results, specs, out))
    else:
        _print(results, specs, out)
    return 0


def _loss(text: str) -> tuple[Any, ...]:
    parts = student_options.numbers(text, "--loss", float) or ()
    if len(parts) != 3 or not (0 <= parts[0] <= 1 and 0 < parts[1] < 1e6 and 0 <= parts[2] < 1e9):
        raise BadInput(f"--loss {text!r}: give alpha in 0..1, T above 0 and beta, such as 0.9,4,4")
    return parts


def _choose(parts: Parts, samples: Data, spec: Any, flash: str, ram: str | None) -> tuple[StudentSpec, ...]:
    from nonn_mcu import budget
    from nonn_mcu.nonn.distil import choose
    from nonn_mcu.students.extra import require

    require("onnx2tf", "--student auto", "convert")

    def told(arch: str, plan: BudgetInfo) -> None:
        verdict = "fits" if budget.overrun(plan) is None else "is over"
        print(f"{arch}: flash {plan.flash:,} B, RAM {plan.ram:,} B, {verdict}", file=sys.stderr, flush=True)

    # groups whose device and width are the same have the same answer
    known: dict[tuple[int, int], StudentSpec] = {}
    chosen = []
    for group in parts.groups:
        limit = group.budget or budget.parse_size(flash)
        key = (limit, len(group.channels))
        if key not in known:
            known[key] = choose.choose(
                group.channels,
                spec,
                samples.train.x[:TRIAL_SAMPLES],
                flash_limit=limit,
                ram_limit=None if ram is None else budget.parse_size(ram),
                told=told,
            )
        chosen.append(choose.StudentSpec(known[key].arch, known[key].arch_args, group.channels))
    return tuple(chosen)


def _tell(method: str, epoch: Epoch, epochs: int, qat: int) -> None:
    total = epochs + qat
    print(
        f"{method} epoch {epoch.epoch:{len(str(total))}}/{total}: loss {epoch.loss:.3f}, "
        f"validation {epoch.validation:.1%}{' rounded' if epoch.epoch > epochs else ''}",
        file=sys.stderr,
        flush=True,
    )


def _print(results: Sequence[Distilled], specs: Sequence[StudentSpec], out: Path) -> None:
    from nonn_mcu.report.table import table

    for what, path in (("network", out), ("curves", out.with_suffix(".svg"))):
        print(f"{what:9}{one_line(os.fsdecode(path))}")
    for index, (spec, net) in enumerate(zip(specs, results[0].module.students, strict=True)):
        count = sum(parameter.numel() for parameter in net.parameters())
        print(f"student {index} {spec.arch}, {len(spec.group)} channels, {count:,} parameters")
    body: list[tuple[str, str, str, str]] = [
        (one.method, str(one.best_epoch), f"{one.validation:.1%}", f"{one.test:.1%}")
        for one in (result.training for result in results)
    ]
    body.append(("teacher", "", "", f"{results[0].training.teacher_test:.1%}"))
    print(f"\n{table(('method', 'epoch', 'validation', 'test'), body)}")


def _to_json(results: Sequence[Distilled], specs: Sequence[StudentSpec], out: Path) -> dict[str, Any]:
    return {
        "error": None,
        "network": one_line(os.fsdecode(out)),
        "students": [{"arch": spec.arch, "group": list(spec.group)} for spec in specs],
        "methods": [
            result.training.model_dump(mode="json")
            | {
                "network": one_line(os.fsdecode(result.path)),
                "history": [
                    {"epoch": one.epoch, "loss": one.loss, "validation": one.validation}
                    for one in result.history
                ],
            }
            for result in results
        ],
    }
