"""``nonn-mcu dream``: training images for students out of a teacher, where the data stays with its owner."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nonn_mcu.cli import dream_text as text
from nonn_mcu.cli import student_options
from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import show, steps
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.dream.metadata import Metadata
    from nonn_mcu.nonn.teacher import Teacher

dream = typer.Typer(no_args_is_help=True, add_completion=False)

TeacherFile = Annotated[
    Path, typer.Argument(metavar="TEACHER", help="A checkpoint or state_dict.", show_default=False)
]
MetadataFile = Annotated[
    Path, typer.Argument(metavar="META", help="Made by dream metadata.", show_default=False)
]
Data = Annotated[str, typer.Option(metavar="SRC", help="As --calib of convert.", show_default=False)]
Seed = Annotated[int, typer.Option(metavar="S", help="Of all that is drawn.")]
AllowPickle = Annotated[bool, typer.Option("--allow-pickle", help="Run code in TEACHER: if you trust it!")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")]


@dream.callback()
def _root() -> None:
    """Dream images to train students on, where the data must stay away.

    [bold]nonn-mcu dream[/] metadata teacher.pt --data cifar10:DIR -o meta.npz
    [bold]nonn-mcu dream[/] generate teacher.pt meta.npz -n 1000 -o dreams.npz
    [bold]nonn-mcu dream[/] compare teacher.pt meta.npz --data cifar10:DIR
        --student wrn16-1 -n 1000 --epochs 40 --alternate photos.npz
    """


@dream.command()
def metadata(
    teacher: TeacherFile,
    *,
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="A .npz.")] = Path("meta.npz"),
    share: Annotated[float, typer.Option(metavar="S", help="Of the training images.")] = 0.1,
    clusters: Annotated[int, typer.Option(metavar="N", help="Of each class, at most.")] = 10,
    k: Annotated[int, typer.Option("-k", metavar="K", help="Images in any vector, at least.")] = 10,
    augment: Annotated[str | None, typer.Option(metavar="A", help="none, crop, crop-flip.")] = None,
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Else that of the last map.")] = None,
    seed: Seed = 0,
    arch: student_options.Arch = None,
    shape: student_options.Shape = None,
    layout: student_options.Layout = None,
    mean: student_options.Mean = None,
    std: student_options.Std = None,
    labels: student_options.Labels = None,
    allow_pickle: AllowPickle = False,
    as_json: AsJson = False,
) -> int:
    """Summarise the data as the teacher sees it; the file holds nothing of single images.

    [bold]nonn-mcu dream metadata[/] teacher.pt --data cifar10:DIR -o meta.npz

    Exit codes: 0 written, 2 bad input.
    """
    _require("making metadata", "sklearn")
    from nonn_mcu import calib
    from nonn_mcu.dream import metadata as files
    from nonn_mcu.dream.owner import names_of, share_of
    from nonn_mcu.nonn import teacher as teachers
    from nonn_mcu.nonn.distil.views import AUGMENTS

    seen_as = student_options.one_of("--augment", augment or student_options.usual_augment(data), AUGMENTS)
    _require_numbers(
        *(("--share", share, 1e-9, 1), ("--clusters", clusters, 1, 10_000)),
        *(("-k", k, 2, 1e9), ("--seed", seed, 0, 1e9)),
    )
    _require_npz(out)
    with steps() as step:
        step(f"Loading {one_line(os.fsdecode(teacher))}")
        loaded = student_options.load(
            teacher,
            arch=arch,
            shape=shape,
            layout=layout,
            mean=mean,
            std=std,
            labels=labels,
            allow_pickle=allow_pickle,
        )
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
def generate(
    teacher: TeacherFile,
    meta: MetadataFile,
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
    seed: Seed = 0,
    arch: student_options.Arch = None,
    shape: student_options.Shape = None,
    layout: student_options.Layout = None,
    mean: student_options.Mean = None,
    std: student_options.Std = None,
    allow_pickle: AllowPickle = False,
    as_json: AsJson = False,
) -> int:
    """Dream images that the teacher sees as the metadata say: a sample file for --data and --calib.

    [bold]nonn-mcu dream generate[/] teacher.pt meta.npz -n 1000 -o dreams.npz

    Exit codes: 0 written, 2 bad input, 130 interrupted: run it again to go on.
    """
    _require("dreaming", "PIL")
    from nonn_mcu.dream import output
    from nonn_mcu.dream.generate import Settings
    from nonn_mcu.dream.generate import generate as dream_images

    _require_numbers(
        *(("-n", count, 1, 1e7), ("--steps", iterations, 1, 1e6), ("--batch", batch, 2, 1e5)),
        *(("--rate", rate, 1e-9, 1e3), ("--spread", spread, 0, 1e3), ("--seed", seed, 0, 1e9)),
        *(("--norms", norms, 0, 1e9), ("--variation", variation, 0, 1e9)),
    )
    _require_npz(out)
    with steps() as step:
        step(f"Loading {one_line(os.fsdecode(teacher))}")
        observed, summary = _load_both(
            teacher,
            meta,
            arch=arch,
            shape=shape,
            layout=layout,
            mean=mean,
            std=std,
            allow_pickle=allow_pickle,
        )
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


@dream.command()
def compare(
    teacher: TeacherFile,
    meta: MetadataFile,
    *,
    data: Data,
    student: Annotated[str, typer.Option(metavar="NAME", help="wrn16-1.", show_default=False)],
    alternate: Annotated[str | None, typer.Option(metavar="SRC", help="Other images of that size.")] = None,
    dreams: Annotated[Path | None, typer.Option(metavar="FILE", help="Else they are dreamt.")] = None,
    count: Annotated[int, typer.Option("-n", metavar="N", help="Images in each set.")] = 1000,
    epochs: Annotated[int, typer.Option(metavar="N", help="Of each student.")] = 40,
    out: Annotated[Path, typer.Option("--out", "-o", metavar="FILE", help="Figure.")] = Path("compare.svg"),
    batch: Annotated[int, typer.Option(metavar="N", help="Images per step.")] = 64,
    rate: Annotated[float, typer.Option(metavar="R", help="Highest rate of SGD.")] = 0.1,
    views: Annotated[int, typer.Option(metavar="N", help="Of each image, at most.")] = 8,
    seed: Seed = 0,
    arch: student_options.Arch = None,
    shape: student_options.Shape = None,
    layout: student_options.Layout = None,
    mean: student_options.Mean = None,
    std: student_options.Std = None,
    allow_pickle: AllowPickle = False,
    as_json: AsJson = False,
) -> int:
    """Teach a student on noise, dreams, other images, and the real ones.

    [bold]nonn-mcu dream compare[/] teacher.pt meta.npz --data digits --student wrn10-1

    Exit codes: 0 compared, 2 bad input, 130 interrupted: run it again to go on.
    """
    _require("comparing dreams", "lightning_fabric", "matplotlib")
    from nonn_mcu.dream import compare as comparing
    from nonn_mcu.dream import figure
    from nonn_mcu.dream.sets import gather
    from nonn_mcu.nonn.distil.losses import Weights
    from nonn_mcu.nonn.distil.train import Recipe, start_fabric
    from nonn_mcu.nonn.model import FeatureNet, StudentSpec
    from nonn_mcu.nonn.parts import write_whole
    from nonn_mcu.students.arch import parse_name

    _require_numbers(
        *(("-n", count, 160, 1e7), ("--epochs", epochs, 1, 1e5), ("--rate", rate, 1e-9, 1e3)),
        *(("--views", views, 1, 1e5), ("--seed", seed, 0, 1e9)),
        ("--batch", batch, 2, count - count // 10),  # a tenth chooses the epoch
    )
    if out.suffix != ".svg" or out.is_dir():
        raise BadInput(f"--out {out}: give a file that ends with .svg")
    named = parse_name(student)
    with steps() as step:
        step(f"Loading {one_line(os.fsdecode(teacher))}")
        observed, summary = _load_both(
            teacher,
            meta,
            arch=arch,
            shape=shape,
            layout=layout,
            mean=mean,
            std=std,
            allow_pickle=allow_pickle,
        )
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


def _require(purpose: str, *packages: str) -> None:
    from nonn_mcu.students.extra import require

    # before torch is loaded: threads that spin while they wait take the cores from those that work
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for package in ("torch", *packages):
        require(package, purpose, "nonn")


def _require_numbers(*options: tuple[str, float, float, float]) -> None:
    for option, value, least, most in options:
        if not least <= value <= most:
            raise BadInput(f"{option} {value:g}: give {least:g} to {most:g}")


def _require_npz(out: Path) -> None:
    if out.suffix != ".npz" or out.is_dir():
        raise BadInput(f"--out {out}: give a file that ends with .npz")


def _load_both(teacher: Path, meta: Path, **options: Any) -> tuple[Teacher, Metadata]:
    """Load the metadata and the teacher, which must be theirs."""
    from nonn_mcu.dream import metadata as files
    from nonn_mcu.nonn import teacher as teachers

    summary = files.read(meta)
    loaded = student_options.load(teacher, **options)
    observed = teachers.of(loaded)
    files.require_weights(summary, observed)  # another one may not have the layer
    return teachers.of(loaded, summary.layer), summary
