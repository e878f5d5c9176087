"""ST's STM32_Programmer_CLI (STM32CubeProgrammer): STM32 chips behind an ST-LINK.

Not free software and not at hand here: the command line is the manual's (UM2237), the messages are those that
its users quote.
"""

from __future__ import annotations

from nonn_mcu.boards.tools.program import program, single_file
from nonn_mcu.boards.tools.tool import Explanation, Job, Order
from nonn_mcu.errors import BadInput, DeviceError, LinkError, NoDevice


def _order(job: Job) -> Order:
    files = single_file(job)
    assert job.board.flashing is not None
    where = (f"{job.board.flashing.flash_start:#010x}",) if job.image.format == "bin" else ()
    probe = () if job.probe is None else (f"sn={job.probe}",)
    return Order(files, ("-c", "port=SWD", *probe, "-w", *files, *where, "-v", "-rst"))


EXPLANATIONS = (
    Explanation(
        r"No (?:debug probe|ST-LINK|ST-Link) detected|DEV_CONNECT_ERR|DEV_NO_STLINK",
        NoDevice,
        "no ST-LINK is connected, or none that --probe names: plug the board in, with a cable "
        "that carries data",
    ),
    Explanation(
        r"DEV_USB_COMM_ERR|already in use|DEV_BUSY",
        LinkError,
        "the ST-LINK does not answer: close other programs that use it, and plug it in again",
    ),
    Explanation(
        r"[Rr]ead.?[Oo]ut [Pp]rotection|read.protect|RDP|Data read failed",
        DeviceError,
        "the chip is protected against reading; taking the protection off erases all of it",
    ),
    Explanation(
        r"[Ww]rite.?[Pp]rotect|failed to erase memory",
        DeviceError,
        "the flash of {board} is write-protected",
    ),
    Explanation(
        r"No STM32 target found|DEV_TARGET_CMD_ERR|DEV_TARGET_NOT_HALTED|UNDER_RESET"
        r"|[Cc]annot connect to the target",
        LinkError,
        "the ST-LINK is there but the chip does not answer: is the board powered?",
    ),
    Explanation(
        r"[Oo]peration exceeds memory limits|[Ww]rong start address|not in the flash",
        BadInput,
        "the image is for addresses where the chip has no flash; choose another --board",
    ),
    Explanation(
        r"[Vv]erification (?:\S+ )?failed|Data mismatch|Download verification failed",
        DeviceError,
        "what was read back is not what was written: flash it again; if it stays, the chip's flash is bad",
    ),
)
TOOL = program(
    name="stm32programmer",
    programs=("STM32_Programmer_CLI",),
    install="STM32CubeProgrammer from https://www.st.com, or use --tool openocd",
    formats=("hex", "elf", "bin"),
    places=(
        "~/STMicroelectronics/STM32Cube/STM32CubeProgrammer/bin",
        "/usr/local/STMicroelectronics/STM32Cube/STM32CubeProgrammer/bin",
        "/opt/st/stm32cubeprogrammer/bin",
        ""
        "/Applications/STMicroelectronics/STM32Cube/STM32CubeProgrammer/STM32CubeProgrammer.app/Contents/MacOs/bin",
    ),
    order=_order,
    verifies=True,
    explanations=EXPLANATIONS,
)
