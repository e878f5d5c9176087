"""Flashing: from a bundle and an image of its firmware to a board that says hello with the bundle's model."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path

from nonn_mcu.boards import image as images
from nonn_mcu.boards import tools
from nonn_mcu.boards.appear import wait_for
from nonn_mcu.boards.board import Board
from nonn_mcu.boards.image import Image
from nonn_mcu.boards.tools.tool import Job, Show
from nonn_mcu.bundle import Bundle
from nonn_mcu.errors import BadInput, NonnError
from nonn_mcu.link.deadline import Deadline
from nonn_mcu.link.ports import candidates
from nonn_mcu.link.replies import Hello


@dataclass(frozen=True)
class Flashed:
    """What was written with what, whether the tool read it back, and who says hello on which port."""

    image: Path
    tool: str
    verified: bool
    port: str
    hello: Hello


def flash(
    bundle: Bundle,
    board: Board,
    *,
    image: Path | None = None,
    tool: str | None = None,
    port: str | None = None,
    probe: str | None = None,
    baud: int = 115200,
    timeout: float = 300.0,
    show: Show = lambda chunk: None,
) -> Flashed:
    """Write the firmware of ``bundle`` to a real board and ask the board which model it holds.

    Without ``image`` the one is taken that the export's own build left at its usual place. ``tool`` is one of
    the board's; ``timeout`` limits it, in seconds; ``show`` gets what it prints. ``port`` is the device's
    serial port, ``probe`` which probe or board the tool shall use; ``baud`` is the device's.

    Raises :class:`WrongModel` for the image of another model, before anything is written, or a device that
    answers with another one; :class:`BadInput` for what cannot be used; :class:`NoDevice`, :class:`LinkError`
    and :class:`DeviceError` for what the tool or the board fails with; :class:`Interrupted` for Ctrl-C.
    """
    digest = bundle.manifest.model_sha256
    firmware = images.read(image) if image is not None else find(bundle, board)
    images.check(firmware, board, digest, bundle.path)
    chosen, program, target = tools.choose(board, tool, firmware.format)
    before = candidates()
    chosen.write(program, Job(firmware, board, target, port, probe), Deadline.after(timeout), show)
    where, hello = wait_for(digest, before, port=port, probe=probe, new=chosen.port_is_new, baud=baud)
    return Flashed(firmware.path, chosen.name, chosen.verifies, where, hello)


def find(bundle: Bundle, board: Board) -> Image:
    """Find the bundle's image where the board's ecosystem leaves it: in the export beside the bundle.

    Raises :class:`BadInput`, which says how to make one, where there is none; that of the last image looked
    at where there are some but none that this board takes.
    """
    assert board.flashing is not None
    export = board.flashing.export
    folder = bundle.path.with_name(f"{bundle.path.name}-{export}")
    error: NonnError | None = None
    for path in (path for pattern in board.flashing.images for path in sorted(folder.glob(pattern))):
        try:
            found = images.read(path)
            images.check(found, board, bundle.manifest.model_sha256, bundle.path)
            return found
        except NonnError as why:
            error = error or why
    if error is not None:
        raise error
    build = board.flashing.build.format(folder=shlex.quote(str(folder)))
    raise BadInput(
        f"no firmware of {bundle.path} for {board.name} yet; make it with: "
        f"nonn-mcu export {shlex.quote(str(bundle.path))} --to {export}, then: {build}; "
        "or name one with --image"
    )
