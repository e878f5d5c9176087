"""Boards: what each is, how its firmware is built, started and measured."""

from __future__ import annotations

from nonn_mcu.boards import host, mps2_an386, mps2_an500, mps3_an547
from nonn_mcu.boards.board import Board
from nonn_mcu.errors import BadInput

BOARDS: dict[str, Board] = {
    board.name: board for board in (host.BOARD, mps2_an386.BOARD, mps2_an500.BOARD, mps3_an547.BOARD)
}


def get(name: str) -> Board:
    """Find a board by its name. Raises :class:`BadInput`."""
    try:
        return BOARDS[name]
    except KeyError:
        raise BadInput(f"no board {name!r}; the boards are: {', '.join(BOARDS)}") from None
