"""``nonn-mcu partition``: from a teacher to the channels that each of its students learns."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nonn_mcu.cli.output import one_line, print_json
from nonn_mcu.cli.progress import show, steps
from nonn_mcu.cli.student_options import NetworkOptions, with_network_options
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.nonn.parts import Parameters, Parts


@with_network_options("labels")
def partition(
    teacher: Annotated[
        Path, typer.Argument(metavar="TEACHER", help="A checkpoint or state_dict.", show_default=False)
    ],
    *,
    data: Annotated[
        str, typer.Option(metavar="SRC", help="Images DIR, .npy/z, digits, cifar10:DIR.", show_default=False)
    ],
    students: Annotated[int, typer.Option(metavar="N", help="2 to 16.", show_default=False)],
    budgets: Annotated[
        str | None, typer.Option(metavar="A,B,..", help="Memory of each device; equal if left out.")
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-o", metavar="FILE", help="The parts; the picture is beside.")
    ] = Path("parts.json"),
    layer: Annotated[str | None, typer.Option(metavar="NAME", help="Else that of the last map.")] = None,
    top: Annotated[int, typer.Option(metavar="K", help="Channels tied per image.")] = 50,
    percentile: Annotated[
        float | None, typer.Option(metavar="P", help="Below are no edges; 99 of 256 channels.")
    ] = None,
    affinity: Annotated[str, typer.Option(metavar="A", help="Or coactivation.")] = "hubness",
    gamma: Annotated[float, typer.Option(metavar="G", help="Resolution of communities.")] = 0.7,
    seed: Annotated[int, typer.Option(metavar="S", help="Of communities and picture.")] = 0,
    network: NetworkOptions,
    as_json: Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")] = False,
) -> int:
    """Partition a teacher's last channels over N students.

    [bold]nonn-mcu partition[/] teacher.pt --data cifar10:DIR --students 2

    Exit codes: 0 partitioned, 2 bad input.
    """
    from nonn_mcu import calib
    from nonn_mcu.nonn import parts as parts_file
    from nonn_mcu.nonn import teacher as teachers
    from nonn_mcu.nonn.data import split_train
    from nonn_mcu.nonn.partition import groups as channels
    from nonn_mcu.nonn.partition import picture
    from nonn_mcu.nonn.partition.activation_graph import default_percentile
    from nonn_mcu.nonn.partition.divide import divide
    from nonn_mcu.students.extra import require

    for package in ("torch", "networkx", "matplotlib"):
        require(package, "partitioning a teacher", "nonn")
    if not 2 <= students <= parts_file.MAX_STUDENTS:
        raise BadInput(f"--students {students}: give 2 to {parts_file.MAX_STUDENTS}")
    memory = _budgets(budgets, students)
    if not out.name or out.is_dir() or out.suffix == ".svg":
        raise BadInput(f"--out {out}: give a file such as parts.json; the picture is parts.svg beside it")
    drawing = out.with_suffix(".svg")
    with steps() as step:
        step(f"Loading {one_line(os.fsdecode(teacher))}")
        loaded = network.load(teacher)
        observed = teachers.of(loaded, layer)
        channels.sizes(observed.channels, [1] * students)  # refuses before the teacher sees the data
        parameters = _parameters(
            top=top,
            percentile=default_percentile(observed.channels) if percentile is None else percentile,
            affinity=affinity,
            gamma=gamma,
            seed=seed,
        )
        step(f"Reading {one_line(data)}")
        _, validation = split_train(calib.load(data, observed.input))
    with show("images") as update:
        parts, graph = divide(
            observed, validation, memory, parameters, lambda done, total: update(observed.name, done, total)
        )
    image = picture.draw(
        graph, tuple(group.channels for group in parts.groups), _title(parts), parts.parameters.seed
    )
    parts_file.write_whole(drawing, image)
    parts_file.write(out, parts)
    if as_json:
        files = {"parts": one_line(os.fsdecode(out)), "picture": one_line(os.fsdecode(drawing))}
        print_json("partition", 0, files | parts.model_dump(mode="json", exclude={"format", "version"}))
    else:
        _print(parts, out, drawing)
    return 0


def _budgets(text: str | None, students: int) -> tuple[int | None, ...]:
    from nonn_mcu.budget import parse_size

    if text is None:
        return (None,) * students
    memory = tuple(parse_size(part) for part in text.split(","))
    if len(memory) != students:
        raise BadInput(f"--budgets {text}: {len(memory)} for {students} students; give one for each")
    return memory


def _parameters(**values: Any) -> Parameters:
    from pydantic import ValidationError

    from nonn_mcu.nonn.parts import Parameters

    try:
        return Parameters(**values)
    except ValidationError as error:
        first = error.errors()[0]
        raise BadInput(f"--{first['loc'][0]} {first['input']}: {first['msg']}") from None


def _title(parts: Parts) -> str:
    return (
        f"{parts.teacher.name}, {parts.teacher.layer}: {parts.teacher.channels} channels, "
        f"{len(parts.groups)} students, modularity {parts.statistics.groups_modularity:.3f}"
    )


def _print(parts: Parts, out: Path, drawing: Path) -> None:
    from nonn_mcu.report.table import table

    teacher, found = parts.teacher, parts.statistics
    several = [size for size in found.communities if size > 1]
    rows = (
        ("parts", os.fsdecode(out)),
        ("picture", os.fsdecode(drawing)),
        ("teacher", f"{teacher.name}: {teacher.channels} channels of {teacher.layer}"),
        ("data", f"{parts.data.images:,} images of {parts.data.source}"),
        ("graph", f"{found.edges:,} edges; {found.isolated} channels have none"),
        (
            "communities",
            f"{len(several)} of {', '.join(map(str, several))} channels; "
            f"modularity {found.communities_modularity:.3f}",
        ),
        (
            "groups",
            f"modularity {found.groups_modularity:.3f}; {found.groups_modularity_whole:.3f} with every tie",
        ),
    )
    for what, text in rows:
        print(f"{what:13}{one_line(text)}")
    body = [
        (str(number), str(len(group.channels)), f"{share:.1%}")
        + (() if group.budget is None else (f"{group.budget:,} B",))
        for number, (group, share) in enumerate(zip(parts.groups, found.activity, strict=True))
    ]
    print(f"\n{table(('student', 'channels', 'activity', 'budget')[: len(body[0])], body)}")
    if 2 * found.isolated > teacher.channels:
        print(
            f"note: {found.isolated} of {teacher.channels} channels have no edge, and only their ties below "
            "the percentile place them; a lower --percentile keeps more edges",
            file=sys.stderr,
        )
