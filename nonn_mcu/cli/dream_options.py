"""What the commands of ``nonn-mcu dream`` have in common: arguments, and how they are checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nonn_mcu.cli.student_options import NetworkOptions
from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.dream.metadata import Metadata
    from nonn_mcu.nonn.teacher import Teacher

TeacherFile = Annotated[
    Path, typer.Argument(metavar="TEACHER", help="A checkpoint or state_dict.", show_default=False)
]
MetadataFile = Annotated[
    Path, typer.Argument(metavar="META", help="Made by dream metadata.", show_default=False)
]
Data = Annotated[str, typer.Option(metavar="SRC", help="As --calib of convert.", show_default=False)]
Seed = Annotated[int, typer.Option(metavar="S", help="Of all that is drawn.")]
AsJson = Annotated[bool, typer.Option("--json", help="JSON on stdout, and nothing else.")]


def require_numbers(*options: tuple[str, float, float, float]) -> None:
    """Raise :class:`BadInput` for an option, a value, that is not between its least and most."""
    for option, value, least, most in options:
        if not least <= value <= most:
            raise BadInput(f"{option} {value:g}: give {least:g} to {most:g}")


def require_npz(out: Path) -> None:
    """Raise :class:`BadInput` where ``out`` cannot be a sample or metadata file."""
    if out.suffix != ".npz" or out.is_dir():
        raise BadInput(f"--out {out}: give a file that ends with .npz")


def load_both(teacher: Path, meta: Path, network: NetworkOptions) -> tuple[Teacher, Metadata]:
    """Load the metadata and the teacher, which must be theirs. Raises :class:`BadInput`."""
    from nonn_mcu.dream import metadata as files
    from nonn_mcu.nonn import teacher as teachers

    summary = files.read(meta)
    loaded = network.load(teacher)
    observed = teachers.of(loaded)
    files.require_weights(summary, observed)  # another one may not have the layer
    return teachers.of(loaded, summary.layer), summary
