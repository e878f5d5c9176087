"""OpenOCD: Arm chips behind almost any probe. Its messages are those of version 0.12.0."""

from __future__ import annotations

from nonn_mcu.boards.tools.program import program, single_file
from nonn_mcu.boards.tools.tool import Explanation, Job, Order
from nonn_mcu.errors import BadInput, DeviceError, LinkError, NoDevice

# Nobody is to attach, and another OpenOCD may have the ports.
_NO_SERVERS = "gdb_port disabled; tcl_port disabled; telnet_port disabled"


def _order(job: Job) -> Order:
    files = single_file(job)
    assert job.board.flashing is not None
    where = f" {job.board.flashing.flash_start:#x}" if job.image.format == "bin" else ""
    probe = () if job.probe is None else ("-c", f"adapter serial {job.probe}")
    flash = f"program {next(iter(files))} verify reset exit{where}"
    return Order(files, ("-f", job.target, *probe, "-c", _NO_SERVERS, "-c", flash))


EXPLANATIONS = (
    Explanation(
        r"LIBUSB_ERROR_ACCESS|[Pp]ermission denied",
        LinkError,
        "permission denied on USB: install OpenOCD's udev rules (60-openocd.rules) and plug the "
        "probe in again",
    ),
    Explanation(
        r"LIBUSB_ERROR_BUSY|[Dd]evice or resource busy",
        LinkError,
        "another program has the probe: close it (a debugger?) and try again",
    ),
    Explanation(
        r"Can't find (\S+\.cfg)",
        BadInput,
        "its script {0} is missing; install a newer OpenOCD",
    ),
    Explanation(
        r"No J-Link device found|unable to find a matching CMSIS-DAP device|Error: open failed"
        r"|no device found"
        r"|serial mismatch",
        NoDevice,
        "no debug probe is connected, or none that --probe names: plug the board in, with a cable that "
        "carries data",
    ),
    Explanation(
        r"RDP|[Rr]ead.?(?:out )?[Pp]rotect|APPROTECT|device is (?:locked|secured)"
        r"|stm32x device protected",
        DeviceError,
        "the chip is protected; taking the protection off erases all of it",
    ),
    Explanation(
        r"write.?protected|protection violated|failed erasing sectors",
        DeviceError,
        "the flash of {board} is write-protected",
    ),
    Explanation(
        r"no flash bank found for address (\S+)",
        BadInput,
        "the image is for {0}, where the chip has no flash; choose another --board",
    ),
    Explanation(
        r"\*\* Verify Failed \*\*",
        DeviceError,
        "what was read back is not what was written: flash it again; if it stays, the chip's flash is bad",
    ),
    Explanation(
        r"init mode failed|Error connecting DP|cannot read IDR|Could not (?:initialize|find MEM-AP)"
        r"|unable to connect to the target|target voltage may be too low|\*\* Unable to reset target",
        LinkError,
        "the probe is there but the chip does not answer: is the board powered, and is it the "
        "chip of --board?",
    ),
    Explanation(
        r"\*\* Programming Failed \*\*",
        DeviceError,
        "writing failed, the flash of {board} may be half-written: flash it again",
    ),
)
TOOL = program(
    name="openocd",
    programs=("openocd",),
    install="sudo apt-get install openocd, or see https://openocd.org",
    formats=("hex", "elf", "bin"),
    order=_order,
    verifies=True,
    explanations=EXPLANATIONS,
)
