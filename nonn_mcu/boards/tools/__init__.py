"""The tools that write a board's flash, one file per tool; each is a program, but for copying a UF2 file."""

from __future__ import annotations

from nonn_mcu.boards.board import Board
from nonn_mcu.boards.tools import esptool, openocd, picotool, pyocd, stm32programmer, uf2_copy
from nonn_mcu.boards.tools.tool import Tool
from nonn_mcu.errors import BadInput

_FILES = (picotool, uf2_copy, esptool, pyocd, openocd, stm32programmer)
TOOLS: dict[str, Tool] = {file.TOOL.name: file.TOOL for file in _FILES}


def choose(board: Board, wanted: str | None, image_format: str) -> tuple[Tool, str, str]:
    """Pick the tool for an image: (tool, its program's path, what it calls the board).

    That is ``wanted``, or the first of the board's that takes the format and is installed. Raises BadInput,
    which says how to install one.
    """
    assert board.flashing is not None
    known = dict(board.flashing.tools)
    if wanted is not None and wanted not in known:
        raise BadInput(f"--tool {wanted}: {board.name} is flashed with {' or '.join(known)}")
    tools = [TOOLS[name] for name in known if wanted in (None, name)]
    fitting = [tool for tool in tools if image_format in tool.formats]
    if not fitting:
        taken = "; ".join(f"{tool.name} takes {', '.join(tool.formats)}" for tool in tools)
        raise BadInput(f"an image in the format {image_format} cannot be written to {board.name}: {taken}")
    for tool in fitting:
        if (path := tool.find()) is not None:
            return tool, path, known[tool.name]
    how = "; ".join(f"{tool.name} ({tool.install})" for tool in fitting)
    which = "one of: " if len(fitting) > 1 else ""
    raise BadInput(f"no tool to flash {board.name} is installed; install {which}{how}")
