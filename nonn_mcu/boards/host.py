"""The machine this runs on: the device as a process on a pseudo-terminal; a Raspberry Pi too."""

from nonn_mcu.boards.board import CMAKE, MAKE, Board

BOARD = Board(
    name="host",
    core="this machine",
    summary="a process on a pseudo-terminal",
    build_tools=(CMAKE, MAKE, ("cc", "gcc")),
    run_tools=(),
    firmware="firmware",
    command=("{firmware}",),
    flash_bytes=None,
    ram_bytes=None,
    instructions_per_tick=None,  # its ticks are nanoseconds of the clock
)
