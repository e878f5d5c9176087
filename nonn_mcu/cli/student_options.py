"""Options of every command that loads a network: what its file does not say."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from nonn_mcu.errors import BadInput

if TYPE_CHECKING:
    from nonn_mcu.students import Student

Word = TypeVar("Word", bound=str)
Command = Callable[..., int]


@dataclass(frozen=True)
class NetworkOptions:
    """The options as they were typed, None where they are left out; ``students.load`` says what they mean."""

    arch: Annotated[str | None, typer.Option(metavar="NAME", help="For a state_dict: or FILE.py:FUNC.")] = (
        None
    )
    shape: Annotated[str | None, typer.Option(metavar="C,H,W", help="Input without batch.")] = None
    layout: Annotated[str | None, typer.Option(metavar="L", help="CHW, HWC or FLAT.")] = None
    mean: Annotated[str | None, typer.Option(metavar="M,..", help="Per channel, of pixels in 0..1.")] = None
    std: Annotated[str | None, typer.Option(metavar="S,..", help="Per channel.")] = None
    labels: Annotated[str | None, typer.Option(metavar="A,B,..", help="Names of the classes.")] = None
    allow_pickle: Annotated[
        bool, typer.Option("--allow-pickle", help="Run the file's code, if you trust it.")
    ] = False

    def load(self, path: Path, calibration: str | None = None) -> Student:
        """Load the network in a file. Raises what ``students.load`` raises."""
        from nonn_mcu import students

        return students.load(
            path,
            arch=self.arch,
            allow_pickle=self.allow_pickle,
            shape=numbers(self.shape, "--shape", int),
            layout=self.layout,  # type: ignore[arg-type]
            mean=numbers(self.mean, "--mean", float),
            std=numbers(self.std, "--std", float),
            labels=None if self.labels is None else tuple(one.strip() for one in self.labels.split(",")),
            calibration=calibration,
        )


def with_network_options(*without: str) -> Callable[[Command], Command]:
    """Decorate a command that takes ``network``, :class:`NetworkOptions`: give it their options for it.

    Typer reads the options from the signature. Those ``without`` which the command does are left out.
    """
    hints = get_type_hints(NetworkOptions, include_extras=True)
    options = [
        inspect.Parameter(
            field.name, inspect.Parameter.KEYWORD_ONLY, default=field.default, annotation=hints[field.name]
        )
        for field in fields(NetworkOptions)
        if field.name not in without
    ]

    def decorate(command: Command) -> Command:
        @functools.wraps(command)
        def typed(**values: Any) -> int:
            network = NetworkOptions(**{option.name: values.pop(option.name) for option in options})
            return command(**values, network=network)

        signature = inspect.signature(command, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for parameter in signature.parameters.values():
            parameters += options if parameter.name == "network" else [parameter]
        typed.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        return typed

    return decorate


def require_packages(purpose: str, *packages: str) -> None:
    """Raise :class:`BadInput` that says what to install, where torch or one of the packages is missing."""
    from nonn_mcu.students.extra import require

    # before torch is loaded: threads that spin while they wait take the cores from those that work
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    for package in ("torch", *packages):
        require(package, purpose, "nonn")


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
