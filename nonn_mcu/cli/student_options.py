"""Options of every command that loads a network: what its file does not say."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.students import Student

Word = TypeVar("Word", bound=str)

Arch = Annotated[str | None, typer.Option(metavar="NAME", help="For a state_dict: or FILE.py:FUNC.")]
Shape = Annotated[str | None, typer.Option(metavar="C,H,W", help="Input without batch.")]
Layout = Annotated[str | None, typer.Option(metavar="L", help="CHW, HWC or FLAT.")]
Mean = Annotated[str | None, typer.Option(metavar="M,..", help="Per channel, of pixels in 0..1.")]
Std = Annotated[str | None, typer.Option(metavar="S,..", help="Per channel.")]
Labels = Annotated[str | None, typer.Option(metavar="A,B,..", help="Names of the classes.")]


def load(
    path: Path,
    *,
    arch: str | None,
    shape: str | None,
    layout: str | None,
    mean: str | None,
    std: str | None,
    labels: str | None = None,
    calibration: str | None = None,
    allow_pickle: bool = False,
) -> Student:
    """Load a network with the options as they were typed. Raises what ``students.load`` raises."""
    from nonn_mcu import students

    return students.load(
        path,
        arch=arch,
        allow_pickle=allow_pickle,
        shape=numbers(shape, "--shape", int),
        layout=layout,  # type: ignore[arg-type]
        mean=numbers(mean, "--mean", float),
        std=numbers(std, "--std", float),
        labels=None if labels is None else tuple(label.strip() for label in labels.split(",")),
        calibration=calibration,
    )


def numbers(text: str | None, option: str, kind: type) -> tuple[Any, ...] | None:
    """Numbers with commas between them; None where ``text`` is. Raises :class:`BadInput`."""
    if text is None:
        return None
    try:
        return tuple(kind(part) for part in text.split(","))
    except ValueError:
        example = "3,32,32" if kind is int else "0.5,0.5,0.5"
        raise BadInput(
            f"{option} {text!r}: give numbers with commas between them, such as {example}"
        ) from None


def one_of(option: str, word: str, known: Sequence[Word]) -> Word:
    """Give the ``word`` as one of those ``known``. Raises :class:`BadInput`."""
    for one in known:
        if one == word:
            return one
    raise BadInput(f"{option} {word!r}: it is one of {', '.join(known)}")


def usual_augment(data: str) -> str:
    """Name the views that are usual: of photographs, but not of all that is grey and small."""
    return "crop-flip" if data.startswith("cifar10:") else "none"
