"""ESP32-C3, written by its ROM's boot loader over UART or USB."""

from nonn_mcu.boards.board import Flashing, real

BOARD = real(
    name="esp32c3",
    core="RV32IMC",
    summary="ESP32-C3-DevKitM-1 (4 MB of flash)",
    flash_bytes=4 << 20,
    ram_bytes=400 << 10,
    clock_hz=160_000_000,
    flashing=Flashing(
        export="esp-idf",
        build="idf.py -C {folder} set-target esp32c3 build",
        images=("build/*.bin",),
        tools=(("esptool", "esp32c3"),),
    ),
)
