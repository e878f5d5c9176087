"""Nordic's nRF52840-DK, written by its J-Link over SWD."""

from nonn_mcu.boards.board import Flashing, real

BOARD = real(
    name="nrf52840dk",
    core="Cortex-M4F",
    summary="Nordic nRF52840-DK",
    flash_bytes=1 << 20,
    ram_bytes=256 << 10,
    clock_hz=64_000_000,
    flashing=Flashing(
        export="zephyr",
        build="west build -b nrf52840dk/nrf52840 -d {folder}/build {folder}/app",
        images=("build/zephyr/zephyr.hex", "build/*/zephyr/zephyr.hex"),
        tools=(("pyocd", "nrf52840"), ("openocd", "board/nordic_nrf52_dk.cfg")),
        flash_start=0,
    ),
)
