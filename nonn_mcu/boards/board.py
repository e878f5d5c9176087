"""What a board is: a plain value, one file per board beside this one."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Flashing:
    """How a real board's firmware is built and gets into its flash.

    ``export`` is the ecosystem whose project builds it (``nonn-mcu export --to``). ``build`` is the shell
    command that does, "{folder}" the exported folder; ``images`` are patterns of what it leaves there,
    preferred first. ``tools`` are pairs of a tool (:mod:`nonn_mcu.boards.tools`) and what that tool calls
    this board, preferred first. ``flash_start`` is the address where a program begins, for images that do not
    say; None where the tool itself knows. ``uf2_family`` is the number that UF2 files for the chip carry.
    """

    export: str
    build: str
    images: tuple[str, ...]
    tools: tuple[tuple[str, str], ...]
    flash_start: int | None = None
    uf2_family: int | None = None


@dataclass(frozen=True)
class Board:
    """How to build for a board, how to start it or write its flash, and what it has.

    ``name`` is the folder of ``firmware/ports``. ``tools`` are the programs that building and starting need,
    each with the Debian package that has it. ``firmware`` is the file name of the linked program; a board
    that is built by an ecosystem's own tools has an empty one, and ``flashing``.
    ``command`` starts it ("{firmware}" is its path) and prints the name of a pseudo-terminal; a board that
    is no process has an empty one. ``flash_bytes`` and ``ram_bytes`` are what a program can use, None where
    there is no limit worth the name. ``instructions_per_tick`` is what one tick of the device's counter
    stands for, None where the counter measures time. ``clock_hz`` is the full clock of a real board's core:
    the datasheet's highest, for the Picos the SDK's. ``power_mw`` is the datasheet's typical power of the
    chip at that clock, with the core running from flash; None where no datasheet was at hand to say.
    """

    name: str
    core: str
    summary: str
    build_tools: tuple[tuple[str, str], ...]
    run_tools: tuple[tuple[str, str], ...]
    firmware: str
    command: tuple[str, ...]
    flash_bytes: int | None
    ram_bytes: int | None
    instructions_per_tick: Fraction | None
    flashing: Flashing | None = None
    clock_hz: int | None = None
    power_mw: float | None = None


CMAKE = ("cmake", "cmake")
MAKE = ("make", "make")
ARM_GCC = ("arm-none-eabi-gcc", "gcc-arm-none-eabi libnewlib-arm-none-eabi")
QEMU_ARM = ("qemu-system-arm", "qemu-system-arm")


def qemu_arm(
    *, name: str, core: str, summary: str, flash_bytes: int, ram_bytes: int, instructions_per_tick: Fraction
) -> Board:
    """Describe a Cortex-M board of QEMU's, whose machine is called ``name`` too.

    ``-icount shift=0`` makes every instruction take one nanosecond of the emulated time, so that counts of
    SysTick repeat exactly.
    """
    machine = ("-M", name, "-nographic", "-monitor", "none", "-serial", "pty", "-icount", "shift=0")
    return Board(
        name=name,
        core=core,
        summary=summary,
        build_tools=(CMAKE, MAKE, ARM_GCC),
        run_tools=(QEMU_ARM,),
        firmware="firmware.elf",
        command=("qemu-system-arm", *machine, "-kernel", "{firmware}"),
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        instructions_per_tick=instructions_per_tick,
    )


def real(
    *,
    name: str,
    core: str,
    summary: str,
    flash_bytes: int,
    ram_bytes: int,
    flashing: Flashing,
    clock_hz: int,
    power_mw: float | None = None,
) -> Board:
    """Describe a board that an ecosystem's own tools build for and a tool of its own writes."""
    return Board(
        name=name,
        core=core,
        summary=summary,
        build_tools=(),
        run_tools=(),
        firmware="",
        command=(),
        flash_bytes=flash_bytes,
        ram_bytes=ram_bytes,
        instructions_per_tick=None,
        flashing=flashing,
        clock_hz=clock_hz,
        power_mw=power_mw,
    )
