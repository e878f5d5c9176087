"""Copying a UF2 file onto the disk that a board in BOOTSEL mode shows: needs no program at all."""

from __future__ import annotations

import os
import re
import sys
import time
from pathlib import Path

from nonn_mcu.boards.tools.program import HALF_WRITTEN
from nonn_mcu.boards.tools.tool import Job, Show, Tool
from nonn_mcu.errors import DeviceError, Interrupted, LinkError, NoDevice
from nonn_mcu.link.deadline import Deadline

INFO = "INFO_UF2.TXT"
FILE = "firmware.uf2"
RESTART_SECONDS = 10.0  # within which a board that got a whole program takes its disk away
CHUNK = 64 << 10
POLL_SECONDS = 0.1
_OCTAL = re.compile(r"\\([0-7]{3})")


def volumes() -> list[Path]:
    """Give every place where a disk with a board's description is mounted."""
    mounts = Path("/Volumes").glob("*") if sys.platform == "darwin" else (mount for _, mount in _fat_disks())
    return sorted(mount for mount in mounts if board_id(mount) is not None)


def _fat_disks() -> list[tuple[Path, Path]]:
    """Give (device, mount point) of each FAT file system, as far as /proc tells."""
    try:
        lines = Path("/proc/mounts").read_text(encoding="utf-8", errors="surrogateescape").splitlines()
    except OSError:
        return []
    # Blanks in names are written as \040.
    fields = [[_OCTAL.sub(lambda m: chr(int(m[1], 8)), word) for word in line.split()] for line in lines]
    return [(Path(words[0]), Path(words[1])) for words in fields if words[2:3] == ["vfat"]]


def _is_there(volume: Path) -> bool:
    """Say whether the board still shows its disk; of one that was pulled, the mount may stay behind."""
    device = next((device for device, mount in _fat_disks() if mount == volume), None)
    return board_id(volume) is not None and (device is None or device.exists())


def board_id(volume: Path) -> str | None:
    """Give the Board-ID that the disk's description states, None where there is none."""
    try:
        with (volume / INFO).open("rb") as file:
            text = file.read(4096).decode("ascii", "replace")
    except OSError:
        return None
    found = re.search(r"^Board-ID:[ \t]*(\S+)", text, re.MULTILINE)
    return found[1] if found else ""


def choose(wanted: str, probe: str | None) -> Path:
    """Find the one disk whose Board-ID is ``wanted``, or the one that ``probe`` names. Raises NoDevice."""
    if probe is not None:
        if board_id(Path(probe)) != wanted:
            raise NoDevice(f"uf2: {probe} is not the disk of a board that calls itself {wanted}")
        return Path(probe)
    there = {volume: board_id(volume) for volume in volumes()}
    found = [volume for volume, name in there.items() if name == wanted]
    if len(found) == 1:
        return found[0]
    if found:
        names = ", ".join(map(str, found))
        raise NoDevice(f"uf2: {len(found)} boards in BOOTSEL mode ({names}); choose one with --probe")
    if there:
        names = ", ".join(f"{name or 'unknown'} at {volume}" for volume, name in there.items())
        raise NoDevice(f"uf2: no board here calls itself {wanted}, but there is {names}; is --board right?")
    label = Path("/dev/disk/by-label") / wanted
    if label.exists():
        raise NoDevice(f"uf2: the board's disk is not mounted; mount it with: udisksctl mount -b {label}")
    raise NoDevice(
        "uf2: no board is in BOOTSEL mode: hold BOOTSEL while plugging it in, and wait for its disk "
        "to be mounted"
    )


def _write(path: str, job: Job, deadline: Deadline, show: Show) -> None:
    """Copy the whole file and wait for the board to take its disk away, which says that it restarts."""
    volume = choose(job.target, job.probe)
    target = volume / FILE
    show(f"copying {len(job.image.data):,} bytes to {volume}\n".encode("utf-8", "replace"))
    try:
        _copy(job.image.data, target, deadline)
    except KeyboardInterrupt:
        raise Interrupted(f"interrupted: {HALF_WRITTEN.format(board=job.board.name)}") from None
    except OSError as error:
        # The board may go the moment it has the last block, before the file system is content.
        if _is_there(volume):
            raise LinkError(
                f"uf2: {target}: {error.strerror or error}: {HALF_WRITTEN.format(board=job.board.name)}"
            ) from None
    patience = Deadline.after(RESTART_SECONDS).earlier(deadline)
    while _is_there(volume):
        if patience.expired():
            raise DeviceError(
                f"uf2: the board got the whole file and did not restart: is it a {job.board.name}? "
                f"Plug it in again with BOOTSEL held, and try again"
            )
        time.sleep(POLL_SECONDS)


def _copy(data: bytes, target: Path, deadline: Deadline) -> None:
    with target.open("wb", buffering=0) as file:
        for start in range(0, len(data), CHUNK):
            if deadline.expired():
                raise TimeoutError(None, "did not take the file in time")
            part = memoryview(data)[start : start + CHUNK]
            while part:
                part = part[file.write(part) :]
            os.fsync(file.fileno())


TOOL = Tool(
    name="uf2",
    install="",
    formats=("uf2",),
    find=lambda: "",
    write=_write,
    verifies=False,
    port_is_new=True,
)
