"""``nonn-mcu dream compare``: what dreams are worth, beside noise and the real images."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Annotated

import typer

from nonn_mcu.cli import dream_options as options
from nonn_mcu.cli import dream_text as text
from nonn_mcu.cli import student_options
from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import show, steps
from nonn_mcu.errors import BadInput


@student_options.with_network_options("labels")
def compare(
    teacher: options.TeacherFile,
    meta: options.MetadataFile,
    *,
    data: options.Data,
    student: Annotated[str, typer.Option(metavar="NAME", help="wrn16-1.", show_default=False)],
    alternate: Annotated[str | None, typer.Option(metavar="SRC", help="Other images of that size.")] = None,
    dreams: Annotated[Path | None, typer.Option(metavar="FILE", help="Else they are dreamt.")] = None,
    count: Annotated[int, typer.Option("-n", metavar="N", help="Images in each set.")] = 1000,
    epochs: Annotated[int, typer.Option(metavar="N", help="Of each student.")] = 40,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Figure.")] = Path("compare.svg"),
    batch: Annotated[int, typer.Option(metavar="N", help="Images per step.")] = 64,
    rate: Annotated[float, typer.Option(metavar="R", help="Highest rate of SGD.")] = 0.1,
    views: Annotated[int, typer.Option(metavar="N", help="Of each image, at most.")] = 8,
    seed: options.Seed = 0,
    network: student_options.NetworkOptions,
    as_json: options.AsJson = False,
) -> int:
    """Teach a student on noise, dreams, other images, and the real ones.

    [bold]nonn-mcu dream compare[/] teacher.pt meta.npz --data digits --student wrn10-1

    Exit codes: 0 compared, 2 bad input, 130 interrupted: run it again to go on.
    """
    student_options.require_packages("comparing dreams", "lightning_fabric", "matplotlib")
    from nonn_mcu.dream import compare as comparing
    from nonn_mcu.dream import figure
    from nonn_mcu.dream.sets import gather
    from nonn_mcu.nonn.distil.losses import Weights
    from nonn_mcu.nonn.distil.train import Recipe, start_fabric
    from nonn_mcu.nonn.model import FeatureNet, StudentSpec
    from nonn_mcu.nonn.parts import write_whole
    from nonn_mcu.students.arch import parse_name

    options.require_numbers(
        *(("-n", count, 160, 1e7), ("--epochs", epochs, 1, 1e5), ("--rate", rate, 1e-9, 1e3)),
        *(("--views", views, 1, 1e5), ("--seed", seed, 0, 1e9)),
        ("--batch", batch, 2, count - count // 10),  # a tenth chooses the epoch
    )
    if out.suffix != ".svg" or out.is_dir():
        raise BadInput(f"--out {out}: give a file that ends with .svg")
    named = parse_name(student)
    with steps() as step:
        step(f"Loading {one_line(os.fsdecode(teacher))}")
        observed, summary = options.load_both(teacher, meta, network)
        step("Reading the images")
    spec = StudentSpec(*named, tuple(range(observed.channels)))
    FeatureNet(spec, observed.input.shape)  # refuses before there are dreams
    out.parent.mkdir(parents=True, exist_ok=True)
    dreaming = out.with_name(f"{out.name}.state")
    with show("steps") as update:
        sets, test = gather(
            observed,
            summary,
            count=count,
            data=data,
            alternate=alternate,
            dreams=dreams,
            seed=seed,
            state=dreaming,
            progress=lambda done, total: update("dreams", done, total),
        )
    states = {name: out.with_name(f"{out.name}.{name}.state") for name in sets}
    recipe = Recipe("kd", epochs, batch, rate, summary.augment, min(views, epochs), seed, Weights())
    with show("images") as update:
        results = comparing.compare(
            observed,
            sets,
            test,
            spec,
            recipe,
            states=states,
            fabric=start_fabric(),
            progress=update,
            told=text.tell,
        )
    best = comparing.right(observed, test)
    title = f"{student} of {observed.name}: {count:,} images of each set, {epochs} epochs"
    write_whole(out, figure.draw(results, best, title))
    for state in (dreaming, *states.values()):
        state.unlink(missing_ok=True)
    if as_json:
        body = {"error": None, "figure": one_line(os.fsdecode(out)), "images": count, "epochs": epochs}
        sets_of = [dataclasses.asdict(one) for one in results]
        print_json("dream", 0, body | {"student": student, "teacher": best, "sets": sets_of})
    else:
        text.print_comparison(results, best, out)
    return 0
