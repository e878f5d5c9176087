"""Raspberry Pi Pico 2: RP2350 with its Arm cores, written in BOOTSEL mode over USB."""

from nonn_mcu.boards.board import Flashing, real

BOARD = real(
    name="pico2",
    core="Cortex-M33",
    summary="Raspberry Pi Pico 2 (RP2350)",
    flash_bytes=4 << 20,
    ram_bytes=520 << 10,
    clock_hz=150_000_000,
    flashing=Flashing(
        export="pico-sdk",
        build="cmake -S {folder} -B {folder}/build -DPICO_BOARD=pico2 && cmake --build {folder}/build",
        images=("build/*.uf2", "build/*.elf"),
        tools=(("picotool", ""), ("uf2", "RP2350")),
        flash_start=0x10000000,
        uf2_family=0xE48BFF59,
    ),
)
