"""ST's Nucleo-L4R5ZI, the reference board of MLPerf Tiny, written by its ST-LINK over SWD."""

from nonn_mcu.boards.board import Flashing, real

BOARD = real(
    name="nucleo-l4r5zi",
    core="Cortex-M4F",
    summary="ST Nucleo-L4R5ZI",
    flash_bytes=2 << 20,
    ram_bytes=640 << 10,
    clock_hz=120_000_000,
    # STM32L4R5xx datasheet (DS12023): 110 uA/MHz in run mode with the LDO; the board supplies 3.3 V
    power_mw=43.6,
    flashing=Flashing(
        export="zephyr",
        build="west build -b nucleo_l4r5zi -d {folder}/build {folder}/app",
        images=("build/zephyr/zephyr.hex", "build/*/zephyr/zephyr.hex"),
        tools=(("stm32programmer", ""), ("openocd", "board/st_nucleo_l4.cfg"), ("pyocd", "stm32l4r5zitx")),
        flash_start=0x08000000,
    ),
)
