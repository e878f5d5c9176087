"""Raspberry Pi's picotool: RP2040 and RP2350 in BOOTSEL mode. Its messages are those of version 2.3.0."""

from __future__ import annotations

from nonn_mcu.boards.tools.program import program, single_file
from nonn_mcu.boards.tools.tool import Explanation, Job, Order
from nonn_mcu.errors import BadInput, DeviceError, LinkError, NoDevice


def _order(job: Job) -> Order:
    files = single_file(job)
    assert job.board.flashing is not None and job.board.flashing.flash_start is not None
    where = ("--offset", f"{job.board.flashing.flash_start:#x}") if job.image.format == "bin" else ()
    probe = () if job.probe is None else ("--ser", job.probe)
    return Order(files, ("load", "--verify", "--execute", *files, *where, *probe))


EXPLANATIONS = (
    Explanation(
        r"in BOOTSEL mode, but picotool was unable to connect",
        LinkError,
        "permission denied on USB: install picotool's udev rules (60-picotool.rules) and plug "
        "the board in again",
    ),
    Explanation(
        r"appears to (?:have a USB serial connection|be an RP-series MicroPython device)",
        NoDevice,
        "the board runs a program: hold BOOTSEL while plugging it in, and try again",
    ),
    Explanation(
        r"No accessible .* with serial number (\S+?)\.",
        NoDevice,
        "no board in BOOTSEL mode has the serial number {0}; leave out --probe, or see: picotool info -d",
    ),
    Explanation(
        r"No accessible .* in BOOTSEL mode",
        NoDevice,
        "no board is in BOOTSEL mode: hold BOOTSEL while plugging it in, and try again",
    ),
    Explanation(
        r"requires a single RP-series device",
        NoDevice,
        "several boards are in BOOTSEL mode; choose one by its serial number with --probe",
    ),
    Explanation(
        r"too big to fit in .*? size (\S+)", BadInput, "the image does not fit the board's {0} bytes"
    ),
    Explanation(
        r"cannot be loaded (?:onto a device|into the partition)",
        DeviceError,
        "the board's partition table has no place for it; see: picotool partition info",
    ),
    Explanation(
        r"command cannot be used with an? (\S+) device|not compatible",
        BadInput,
        "wrong chip; choose another --board",
    ),
    Explanation(
        r"device contents did not match",
        DeviceError,
        "what was read back is not what was written: flash it again; if it stays, the board's flash is bad",
    ),
    Explanation(
        r"Communication with .* device failed|Unable to connect to device",
        LinkError,
        "the connection broke, the flash of {board} may be half-written: hold BOOTSEL while "
        "plugging it in, "
        "and flash it again",
    ),
    Explanation(r"device returned an error: (.+)", DeviceError, "the boot loader refused: {0}"),
)
TOOL = program(
    name="picotool",
    programs=("picotool",),
    install="see https://github.com/raspberrypi/picotool, or copy over USB with --tool uf2",
    formats=("uf2", "elf", "bin"),
    order=_order,
    verifies=True,
    port_is_new=True,
    explanations=EXPLANATIONS,
)
