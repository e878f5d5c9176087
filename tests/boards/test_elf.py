"""What a firmware occupies: the ELF's own account equals the toolchain's, and damage is refused."""

import re
import subprocess

import pytest
from support.boards import EMULATED, need

from nonn_mcu.boards.elf import measure
from nonn_mcu.errors import BadInput


@pytest.mark.parametrize("name", EMULATED)
def test_agrees_with_the_toolchain(name, stub_firmware):
    need(name)
    path = stub_firmware(name).path
    sizes = measure(path)
    listing = subprocess.run(["arm-none-eabi-size", path], check=True, capture_output=True, text=True).stdout
    text, data, bss = (int(figure) for figure in listing.splitlines()[1].split()[:3])
    assert sizes.flash == text + data
    assert sizes.ram == data + bss
    assert (sizes.arena, sizes.stack, sizes.other) == (24, 4096, 0)
    assert min(sizes.engine, sizes.model, sizes.device, sizes.library, sizes.port, sizes.static) > 0


def test_kernels_that_no_layer_calls_are_left_out(stub_firmware):
    need("mps2-an386")
    elf = stub_firmware("mps2-an386").path
    names = subprocess.run(["arm-none-eabi-nm", elf], check=True, capture_output=True, text=True).stdout
    assert "nonn_device_run" in names
    assert "nonn_conv_2d" not in names
    assert not re.search(r" [TtBbDd] (malloc|printf|_sbrk|__libc_init_array|exit)$", names, re.MULTILINE)


@pytest.mark.parametrize("size", [0, 3, 40, 52, 5000, -40])
def test_a_damaged_file_is_refused(size, tmp_path, stub_firmware):
    need("mps2-an386")
    whole = stub_firmware("mps2-an386").path.read_bytes()
    (tmp_path / "cut.elf").write_bytes(whole[:size])
    with pytest.raises(BadInput, match=r"cut.elf: not a firmware ELF"):
        measure(tmp_path / "cut.elf")


def test_the_hosts_program_and_a_missing_one_are_refused(tmp_path, stub_firmware):
    need("host")
    with pytest.raises(BadInput, match="not a firmware ELF of a microcontroller"):
        measure(stub_firmware("host").path)
    with pytest.raises(BadInput, match="cannot be read"):
        measure(tmp_path / "none.elf")
