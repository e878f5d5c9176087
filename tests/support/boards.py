"""A model that needs no converter, for testing boards, and what a test of a board needs installed."""

import shutil
from pathlib import Path

import pytest

from nonn_mcu import boards
from nonn_mcu.boards.board import Board

STUB = Path(__file__).parents[1] / "boards" / "stub"
STARTED = tuple(name for name, board in boards.BOARDS.items() if board.command)
EMULATED = tuple(name for name in STARTED if boards.BOARDS[name].flash_bytes is not None)
# The M7 has the M4's memories and port: where only those matter, it waits for the long run.
MOSTLY_TWO = ("mps2-an386", "mps3-an547", pytest.param("mps2-an500", marks=pytest.mark.long))


def need(name: str) -> Board:
    """Find a board, or skip where a tool to build or start it is missing."""
    board = boards.get(name)
    missing = [tool for tool, _ in board.build_tools + board.run_tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"{name} needs {', '.join(missing)}")
    return board


def make_big(model: Path, size: int) -> None:
    """Let a copy of the stub be called "big" and carry ``size`` bytes of constants."""
    source = model / "native" / "stub.c"
    text = source.read_text(encoding="ascii").replace('.name = "stub"', ".name = nonn_big")
    source.write_text(f"extern const char nonn_big[];\n{text}", encoding="ascii")
    big = f'extern const char nonn_big[];\nconst char nonn_big[{size}] = "big";\n'
    (model / "native" / "big.c").write_text(big, encoding="ascii")
