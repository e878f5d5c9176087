"""Raspberry Pi Pico: RP2040, written in BOOTSEL mode over USB."""

from nonn_mcu.boards.board import Flashing, real

BOARD = real(
    name="pico",
    core="Cortex-M0+",
    summary="Raspberry Pi Pico (RP2040)",
    flash_bytes=2 << 20,
    ram_bytes=264 << 10,
    clock_hz=125_000_000,
    flashing=Flashing(
        export="pico-sdk",
        build="cmake -S {folder} -B {folder}/build -DPICO_BOARD=pico && cmake --build {folder}/build",
        images=("build/*.uf2", "build/*.elf"),
        tools=(("picotool", ""), ("uf2", "RPI-RP2")),
        flash_start=0x10000000,
        uf2_family=0xE48BFF56,
    ),
)
