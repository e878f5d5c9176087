"""ESP32-S3, written by its ROM's boot loader over UART or USB."""

from nonn_mcu.boards.board import Flashing, real

BOARD = real(
    name="esp32s3",
    core="Xtensa LX7",
    summary="ESP32-S3-DevKitC-1 (8 MB of flash)",
    flash_bytes=8 << 20,
    ram_bytes=512 << 10,
    clock_hz=240_000_000,
    flashing=Flashing(
        export="esp-idf",
        build="idf.py -C {folder} set-target esp32s3 build",
        images=("build/*.bin",),
        tools=(("esptool", "esp32s3"),),
    ),
)
