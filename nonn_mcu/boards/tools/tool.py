"""What a flash tool is: a plain value, one file per tool beside this one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from nonn_mcu.boards.board import Board
from nonn_mcu.boards.image import Image
from nonn_mcu.errors import NonnError
from nonn_mcu.link.deadline import Deadline

Show = Callable[[bytes], None]  # gets what a tool prints, as it comes


@dataclass(frozen=True)
class Job:
    """One flashing; ``target`` is what the tool calls the board, ``port`` and ``probe`` the user's choice."""

    image: Image
    board: Board
    target: str
    port: str | None = None
    probe: str | None = None


@dataclass(frozen=True)
class Order:
    """What a program is asked: ``files`` are laid into a folder of their own, where it runs."""

    files: Mapping[str, bytes]
    arguments: tuple[str, ...]


@dataclass(frozen=True)
class Explanation:
    """What a message of a tool means: a pattern of its output, the error to raise, and what to say instead.

    The pattern is searched in the output with all white space made single blanks. ``{0}`` in ``text`` is the
    pattern's first group, ``{board}`` the board's name.
    """

    pattern: str
    error: type[NonnError]
    text: str


@dataclass(frozen=True)
class Tool:
    """A way to write a board's flash.

    ``name`` is what ``--tool`` takes; ``install`` says how to get it; ``formats`` what images it takes.
    ``find`` gives the program's path, None where it is not installed. ``write`` does the work, raising a
    :class:`NonnError` that explains a failure. ``verifies`` says whether what was written is read back.
    ``port_is_new``: the board has no serial port before it is flashed.
    """

    name: str
    install: str
    formats: tuple[str, ...]
    find: Callable[[], str | None]
    write: Callable[[str, Job, Deadline, Show], None]
    verifies: bool
    port_is_new: bool = False
