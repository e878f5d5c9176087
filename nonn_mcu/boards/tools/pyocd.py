"""pyOCD: Arm chips behind a CMSIS-DAP, ST-LINK or J-Link probe. Its messages are those of version 0.46.0.

``load`` does not read back what it wrote, so that the hello afterwards is what proves it. A protected chip is
left as it is: unlocking erases it, which is for its owner to say.
"""

from __future__ import annotations

from nonn_mcu.boards.tools.program import program, single_file
from nonn_mcu.boards.tools.tool import Explanation, Job, Order
from nonn_mcu.errors import BadInput, DeviceError, LinkError, NoDevice


def _order(job: Job) -> Order:
    files = single_file(job)
    assert job.board.flashing is not None
    where = ("--base-address", f"{job.board.flashing.flash_start:#x}") if job.image.format == "bin" else ()
    probe = () if job.probe is None else ("--uid", job.probe)
    return Order(
        files, ("load", "--target", job.target, "--no-wait", "-Oauto_unlock=false", *probe, *where, *files)
    )


EXPLANATIONS = (
    Explanation(
        r"(?:[Aa]ccess denied|insufficient permissions|LIBUSB_ERROR_ACCESS|Errno 13)",
        LinkError,
        "permission denied on USB: install pyOCD's udev rules (https://pyocd.io/docs/installing) "
        "and plug the "
        "probe in again",
    ),
    Explanation(
        r"No connected debug probe matches unique ID '(.*?)'",
        NoDevice,
        "no probe has the id {0}; see which there are with: pyocd list",
    ),
    Explanation(
        r"No connected debug probes|No target device available",
        NoDevice,
        "no debug probe is connected: plug the board in, with a cable that carries data; on "
        "Linux pyOCD's udev "
        "rules must be there (https://pyocd.io/docs/installing)",
    ),
    Explanation(
        r"Enter the number of the debug probe",
        NoDevice,
        "several probes are connected; choose one with --probe",
    ),
    Explanation(
        r"Target type (\S+) not recognized",
        BadInput,
        "it does not know {0} yet; install its support with: pyocd pack install {0}",
    ),
    Explanation(
        r"unable to open JLink DLL",
        BadInput,
        "the probe is a J-Link, which needs SEGGER's J-Link software",
    ),
    Explanation(
        r"APPROTECT enabled|[Rr]ead.?out protect",
        DeviceError,
        "the chip is protected against debuggers; unlocking erases all of it: pyocd erase --chip "
        "-t TARGET, "
        "and flash it again",
    ),
    Explanation(
        r"flash (?:erase|program|init)[\w ]*? (?:failure|timeout|timed out)",
        DeviceError,
        "the flash of {board} refused to be written: is it write-protected, or the supply too weak?",
    ),
    Explanation(
        r"No ACK|Unexpected ACK|SWD/JTAG [Cc]ommunication [Ff]ailure|No cores were discovered"
        r"|[Tt]ransfer (?:fault|error)",
        LinkError,
        "the probe is there but the chip does not answer: is the board powered, and wired to the probe?",
    ),
    Explanation(
        r"no memory region defined for address|invalid flash address|is not writable|has no flash instance",
        BadInput,
        "the image is for addresses where the chip has no flash; choose another --board",
    ),
)
TOOL = program(
    name="pyocd",
    programs=("pyocd",),
    install="pip install 'nonn-mcu[flash]'",
    formats=("hex", "elf", "bin"),
    order=_order,
    verifies=False,
    explanations=EXPLANATIONS,
)
