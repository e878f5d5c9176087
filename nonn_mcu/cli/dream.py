"""``nonn-mcu dream``: training images for students out of a teacher, where the data stays with its owner."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from nonn_mcu.cli import dream_options as options
from nonn_mcu.cli import dream_text as text
from nonn_mcu.cli import student_options
from nonn_mcu.cli.dream_compare import compare
from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import show, steps

dream = typer.Typer(no_args_is_help=True, add_completion=False)


@dream.callback()
def _root() -> None:
    """Dream images to train students on, where the data must stay away.

    [bold]nonn-mcu dream[/] metadata teacher.pt --data cifar10:DIR -o meta.npz
    [bold]nonn-mcu dream[/] generate teacher.pt meta.npz -n 1000 -o dreams.npz
    [bold]nonn-mcu dream[/] compare teacher.pt meta.npz --data cifar10:DIR
        --student wrn16-1 -n 1000 --epochs 40 --alternate photos.npz
    """


@dream.command()
@student_options.with_network_options()
def metadata(
    teacher: options.TeacherFile,
    *,
    data: options.Data,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="A .npz.")] = Path("meta.npz"),
    share: Annotated[float, typer.Option(metavar="S", help="Of the training images.")] = 0.1,
    clusters: Annotated[int, typer.Option(metavar="N", help="Of each class, at most.")] = 10,
    k: Annotated[int, typer.Option("-k", metavar="K", help="Images in any vector, at least.")] = 10,
    augment: Annotated[str | None, typer.Option(metavar="A", help="none, crop, crop-flip.")] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Else that of the last map.")] = None,
    seed: options.Seed = 0,
    network: student_options.NetworkOptions,
    as_json: options.AsJson = False,
) -> int:
    """Summarise the data as the teacher sees it; the file holds nothing of single images.

    [bold]nonn-mcu dream metadata[/] teacher.pt --data cifar10:DIR -o meta.npz

    Exit codes: 0 written, 2 bad input.
    """
    student_options.require_packages("making metadata", "sklearn")
    from nonn_mcu import calib
    from nonn_mcu.dream import metadata as files
    from nonn_mcu.dream.owner import names_of, share_of
    from nonn_mcu.nonn import teacher as teachers
    from nonn_mcu.nonn.distil.views import AUGMENTS

    seen_as = student_options.one_of("--augment", augment or student_options.usual_augment(data), AUGMENTS)
    options.require_numbers(
        *(("--share", share, 1e-9, 1), ("--clusters", clusters, 1, 10_000)),
        *(("-k", k, 2, 1e9), ("--seed", seed, 0, 1e9)),
    )
    options.require_npz(out)
    with steps() as step:
        step(f"Loading {one_line(os.fsdecode(teacher))}")
        loaded = network.load(teacher)
        observed = teachers.of(loaded, layer)
        step(f"Reading {one_line(data)}")
        samples = share_of(calib.load(data, observed.input), share)
        names = names_of(observed, samples)
    with show("images") as update:
        made = files.make(
            observed,
            samples,
            names,
            clusters=clusters,
            k=k,
            augment=seen_as,
            seed=seed,
            progress=lambda done, total: update(observed.name, done, total),
        )
    size = files.write(out, made)
    if as_json:
        print_json("dream", 0, text.metadata_json(made, out, size, len(samples)))
    else:
        text.print_metadata(made, out, size, len(samples), samples.source)
    return 0


@dream.command()
@student_options.with_network_options("labels")
def generate(
    teacher: options.TeacherFile,
    meta: options.MetadataFile,
    *,
    count: Annotated[int, typer.Option("-n", metavar="N", help="Images.")] = 1000,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="A .npz; sheets of the classes beside.")
    ] = Path("dreams.npz"),
    iterations: Annotated[int, typer.Option("--steps", metavar="N", help="Of each batch.")] = 100,
    batch: Annotated[int, typer.Option(metavar="N", help="Images at a time.")] = 100,
    rate: Annotated[float, typer.Option(metavar="R", help="Highest rate of Adam.")] = 0.1,
    spread: Annotated[float, typer.Option(metavar="F", help="Around a centroid, in deviations.")] = 0.5,
    norms: Annotated[float, typer.Option(metavar="W", help="Weight of batch norms' statistics.")] = 1.0,
    variation: Annotated[float, typer.Option(metavar="W", help="Weight of the total variation.")] = 0.0,
    seed: options.Seed = 0,
    network: student_options.NetworkOptions,
    as_json: options.AsJson = False,
) -> int:
    """Dream images that the teacher sees as the metadata say: a sample file for --data and --calib.

    [bold]nonn-mcu dream generate[/] teacher.pt meta.npz -n 1000 -o dreams.npz

    Exit codes: 0 written, 2 bad input, 130 interrupted: run it again to go on.
    """
    student_options.require_packages("dreaming", "PIL")
    from nonn_mcu.dream import output
    from nonn_mcu.dream.generate import Settings
    from nonn_mcu.dream.generate import generate as dream_images

    options.require_numbers(
        *(("-n", count, 1, 1e7), ("--steps", iterations, 1, 1e6), ("--batch", batch, 2, 1e5)),
        *(("--rate", rate, 1e-9, 1e3), ("--spread", spread, 0, 1e3), ("--seed", seed, 0, 1e9)),
        *(("--norms", norms, 0, 1e9), ("--variation", variation, 0, 1e9)),
    )
    options.require_npz(out)
    with steps() as step:
        step(f"Loading {one_line(os.fsdecode(teacher))}")
        observed, summary = options.load_both(teacher, meta, network)
    settings = Settings(seed, batch, iterations, rate, spread, norms, variation)
    state = out.with_name(f"{out.name}.state")
    with show("steps") as update:
        images, labels = dream_images(
            observed,
            summary,
            count,
            settings,
            state=state,
            progress=lambda done, total: update(f"{observed.name} dreams", done, total),
        )
    sheets = output.write(out, images, labels, summary.names)
    state.unlink()
    agree = float((output.answers(observed, output.seen(observed, images)) == labels).mean())
    if as_json:
        files = {"dreams": one_line(os.fsdecode(out)), "sheets": [one_line(os.fsdecode(s)) for s in sheets]}
        body = {"images": len(images), "shape": list(images.shape[1:]), "agreement": agree}
        print_json("dream", 0, {"error": None} | files | body)
    else:
        text.print_dreams(out, sheets, images, agree)
    return 0


dream.command()(compare)
