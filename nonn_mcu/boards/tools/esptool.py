"""Espressif's esptool: ESP32 chips, over UART or USB, through the boot loader in their ROM.

It compares the MD5 of what it wrote with that of the flash by itself. Its messages are those of version
5.6.0.
"""

from __future__ import annotations

import json
from pathlib import Path

from nonn_mcu.boards.tools.program import program
from nonn_mcu.boards.tools.tool import Explanation, Job, Order
from nonn_mcu.errors import BadInput, DeviceError, LinkError, NoDevice

BAUD = "460800"  # what ESP-IDF writes with; the ROM answers at 115200 first
LAYOUT = "flasher_args.json"
_PARTITIONS = 0x8000
_PARTITION_MAGIC = b"\xaa\x50"


def parts(job: Job) -> dict[int, bytes]:
    """Give what goes where in flash, by address.

    Beside an application that ESP-IDF built, ``flasher_args.json`` names the boot loader and partition table
    that belong to it. An image without it must be a merged one, which begins at 0. Raises :class:`BadInput`.
    """
    path, data = job.image.path, job.image.data
    listing = path.with_name(LAYOUT)
    if listing.is_file():
        return _listed(listing, path, data, job.target)
    if data[_PARTITIONS : _PARTITIONS + 2] == _PARTITION_MAGIC:
        return {0: data}
    raise BadInput(
        f"{path}: an application without its boot loader; give the one in the build folder of "
        "ESP-IDF, beside "
        f"its {LAYOUT}, or a merged image (esptool merge-bin)"
    )


def _listed(listing: Path, image: Path, data: bytes, chip: str) -> dict[int, bytes]:
    try:
        described = json.loads(listing.read_bytes()[: 1 << 20])
        built_for = str(described["extra_esptool_args"]["chip"])
        files = {int(str(at), 0): listing.parent / str(name) for at, name in described["flash_files"].items()}
        top = listing.parent.resolve()
        inside = all(file.resolve().is_relative_to(top) for file in files.values())
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise BadInput(f"{listing}: not what ESP-IDF writes; build the project again") from None
    if built_for != chip:
        raise BadInput(f"{listing}: built for {built_for}, the board is an {chip}; choose another --board")
    if not inside or image.resolve() not in {file.resolve() for file in files.values()}:
        raise BadInput(f"{listing}: does not belong to {image.name}; build the project again")
    try:
        return {
            at: data if file.resolve() == image.resolve() else file.read_bytes()
            for at, file in sorted(files.items())
        }
    except OSError as error:
        raise BadInput(f"{listing}: {error.filename} cannot be read; build the project again") from None


def _order(job: Job) -> Order:
    files = {f"{at:#x}.bin": data for at, data in parts(job).items()}
    port = () if job.port is None else ("--port", job.port)
    pairs = [word for name in files for word in (name.removesuffix(".bin"), name)]
    # "write_flash" is understood by version 4 and by version 5, which prefers "write-flash".
    return Order(files, ("--chip", job.target, *port, "--baud", BAUD, "write_flash", *pairs))


EXPLANATIONS = (
    Explanation(
        r"Could not open (\S+), the port is busy.*(?:Errno 13|[Pp]ermission denied)",
        LinkError,
        "{0}: permission denied: add yourself to its group and log in again: sudo usermod -aG dialout $USER",
    ),
    Explanation(
        r"Could not open (\S+), the port is busy.*(?:Errno 2\b|FileNotFound)",
        NoDevice,
        "{0}: no such port; see which there are with: nonn-mcu ports",
    ),
    Explanation(
        r"Could not open (\S+), the port is busy.*(?:Errno 16|Errno 11|exclusively lock|[Rr]esource)",
        LinkError,
        "{0}: another program has it open: close it (a serial monitor?) and try again",
    ),
    Explanation(r"Could not open (\S+), the port is busy", LinkError, "{0}: is no serial port that opens"),
    Explanation(
        r"This chip is (\S+?),? not (\S+?)\.",
        BadInput,
        "the chip is an {0}, not an {1}; choose another --board",
    ),
    Explanation(
        r"Wrong boot mode detected",
        NoDevice,
        "the chip runs its program instead of the boot loader: hold BOOT, press RESET, let go, and try again",
    ),
    Explanation(
        r"Failed to connect to (\S+): ",
        NoDevice,
        "no {0} answers: hold BOOT, press RESET, let go, and try again; else check the port and that the "
        "cable carries data",
    ),
    Explanation(
        r"Could not connect to an Espressif device on any",
        NoDevice,
        "no chip answers on any serial port: plug it in, hold BOOT and press RESET; name its "
        "port with --port",
    ),
    Explanation(
        r"Found 0 serial ports|No serial ports found",
        NoDevice,
        "no serial port is there; plug the board in",
    ),
    Explanation(
        r"(requires chip revision .*?\))",
        BadInput,
        "the image {0}; build it for this revision of the chip",
    ),
    Explanation(
        r"is not an? (ESP\S+) image",
        BadInput,
        "the image is for another chip than this {0}; build it again",
    ),
    Explanation(
        r"will not fit in (\d+) bytes", BadInput, "the image does not fit the board's {0} bytes of flash"
    ),
    Explanation(
        r"[Ss]ecure [Bb]oot|[Ff]lash encryption|[Ss]ecure [Dd]ownload",
        DeviceError,
        "the chip is protected (secure boot, flash encryption or secure download mode) and takes "
        "no plain image",
    ),
    Explanation(
        r"MD5 of file does not match|written flash region is empty",
        DeviceError,
        "what was read back is not what was written: flash it again; if it stays, the board's "
        "flash is bad "
        "or its supply too weak",
    ),
    Explanation(
        r"stopped responding|data stream stopped|serial exception|Lost connection"
        r"|device reports readiness|Input/output error",
        LinkError,
        "the connection broke while writing, the flash of {board} may be half-written: check cable and "
        "supply, and flash it again",
    ),
)
TOOL = program(
    name="esptool",
    programs=("esptool", "esptool.py"),
    install="pip install 'nonn-mcu[flash]'",
    formats=("bin",),
    order=_order,
    verifies=True,
    explanations=EXPLANATIONS,
)
