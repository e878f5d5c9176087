"""Copying a UF2 file: which disk, what lands there, and a board that goes away when it has it all."""

import errno
import os
import threading
import time

import pytest
from support import images

from nonn_mcu import boards
from nonn_mcu.boards import image
from nonn_mcu.boards.tools import TOOLS, uf2_copy
from nonn_mcu.boards.tools.tool import Job
from nonn_mcu.errors import DeviceError, Interrupted, LinkError, NoDevice
from nonn_mcu.link.deadline import Deadline

INFO = "UF2 Bootloader v3.0\r\nModel: Raspberry Pi RP2\r\nBoard-ID: {}\r\n"


@pytest.fixture
def disk(tmp_path):
    def disk(name="RPI-RP2", folder="a disk"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "INFO_UF2.TXT").write_bytes(INFO.format(name).encode())
        return tmp_path / folder

    return disk


@pytest.fixture
def job(tmp_path):
    path = tmp_path / "program.uf2"
    path.write_bytes(images.uf2([(0x10000000, os.urandom(300_000))]))

    def job(probe):
        return Job(image.read(path), boards.get("pico"), "RPI-RP2", probe=probe and str(probe))

    return job


@pytest.fixture
def board():
    """Take a disk away once a whole file lies there, as a board does; gives the file."""
    got, stop, threads = [], threading.Event(), []

    def live(disk, blocks):
        while not stop.wait(0.02):
            file = disk / "firmware.uf2"
            if file.exists() and file.stat().st_size == blocks * 512:
                time.sleep(0.3)
                got.append(file.read_bytes())
                (disk / "INFO_UF2.TXT").unlink()
                return

    def board(disk, job):
        threads.append(threading.Thread(target=live, args=(disk, len(job.image.data) // 512)))
        threads[-1].start()
        return got

    yield board
    stop.set()
    for thread in threads:
        thread.join()


def write(job, seconds=20.0):
    TOOLS["uf2"].write("", job, Deadline.after(seconds), lambda chunk: None)


def test_the_whole_file_lands_on_the_disk(disk, job, board):
    there = disk()
    what = job(there)
    got = board(there, what)
    write(what)
    assert got == [what.image.data]


def test_a_board_that_does_not_restart(disk, job, monkeypatch):
    monkeypatch.setattr(uf2_copy, "RESTART_SECONDS", 0.3)
    with pytest.raises(DeviceError, match="got the whole file and did not restart: is it a pico"):
        write(job(disk()))


@pytest.mark.parametrize(("code", "gone"), [(errno.ENOSPC, False), (errno.EIO, False), (errno.EIO, True)])
def test_an_error_counts_unless_the_board_has_gone(code, gone, disk, job, monkeypatch):
    """The board may restart before the file system has written its last sector."""
    there = disk()

    def fail(fd):
        if gone:
            (there / "INFO_UF2.TXT").unlink(missing_ok=True)
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr(os, "fsync", fail)
    if gone:
        write(job(there))
    else:
        with pytest.raises(LinkError, match=f"{os.strerror(code)}: the flash of pico may be half-written"):
            write(job(there))


def test_time_and_ctrl_c(disk, job, monkeypatch):
    there = disk()
    with pytest.raises(LinkError, match="did not take the file in time"):
        write(job(there), seconds=0)

    def interrupt(fd):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(Interrupted, match="interrupted: the flash of pico may be half-written"):
        write(job(there))


def test_which_disk(disk, tmp_path, monkeypatch):
    pico, second, pico2 = disk(), disk(folder="another"), disk("RP2350", "pico2")
    (tmp_path / "plain").mkdir()
    monkeypatch.setattr(uf2_copy, "volumes", lambda: [pico, pico2])
    assert uf2_copy.choose("RPI-RP2", None) == pico
    assert uf2_copy.choose("RP2350", None) == pico2
    assert uf2_copy.choose("RPI-RP2", str(second)) == second
    for probe in (pico2, tmp_path / "plain", tmp_path / "nothing"):
        with pytest.raises(NoDevice, match="is not the disk of a board that calls itself RPI-RP2"):
            uf2_copy.choose("RPI-RP2", str(probe))
    monkeypatch.setattr(uf2_copy, "volumes", lambda: [pico, second])
    with pytest.raises(NoDevice, match=r"2 boards in BOOTSEL mode .* choose one with --probe"):
        uf2_copy.choose("RPI-RP2", None)
    with pytest.raises(
        NoDevice, match=r"no board here calls itself RP2350, but there is RPI-RP2 at .*board right"
    ):
        uf2_copy.choose("RP2350", None)
    monkeypatch.setattr(uf2_copy, "volumes", list)
    with pytest.raises(NoDevice, match="no board is in BOOTSEL mode: hold BOOTSEL"):
        uf2_copy.choose("RPI-RP2", None)


def test_mounted_disks_are_found(disk, monkeypatch):
    """Of what is mounted, FAT disks with a description; blanks in their names are written in octal."""
    there = disk(folder="my disk")
    mounts = there.parent / "mounts"
    name = str(there).replace(" ", "\\040")
    mounts.write_text(
        f"/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 {name} vfat rw 0 0\n/dev/sdc1 /boot/efi vfat rw 0 0\n"
    )
    real = uf2_copy.Path
    monkeypatch.setattr(uf2_copy, "Path", lambda path: real(mounts) if path == "/proc/mounts" else real(path))
    assert uf2_copy.volumes() == [there]
    assert not uf2_copy._is_there(there)  # it can still be read, but /dev/sdb1 has gone


@pytest.mark.parametrize("content", [b"", b"\xff" * 5000, b"Board-ID:\n", b"Board-ID: \x1b[2J\n"])
def test_a_strange_description_is_no_board_of_ours(content, disk):
    there = disk()
    (there / "INFO_UF2.TXT").write_bytes(content)
    with pytest.raises(NoDevice):
        uf2_copy.choose("RPI-RP2", str(there))
