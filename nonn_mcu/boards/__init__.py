"""Boards: what each is, how its firmware is built, started, written and measured."""

from __future__ import annotations

from nonn_mcu.boards import (
    esp32c3,
    esp32s3,
    host,
    mps2_an386,
    mps2_an500,
    mps3_an547,
    nrf52840dk,
    nucleo_l4r5zi,
    pico,
    pico2,
)
from nonn_mcu.boards.board import Board
from nonn_mcu.errors import BadInput

_FILES = (
    host,
    mps2_an386,
    mps2_an500,
    mps3_an547,
    pico,
    pico2,
    esp32s3,
    esp32c3,
    nrf52840dk,
    nucleo_l4r5zi,
)
BOARDS: dict[str, Board] = {file.BOARD.name: file.BOARD for file in _FILES}


def get(name: str) -> Board:
    """Find a board by its name. Raises :class:`BadInput`."""
    try:
        return BOARDS[name]
    except KeyError:
        raise BadInput(f"no board {name!r}; the boards are: {', '.join(BOARDS)}") from None
