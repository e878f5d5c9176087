"""Arm MPS2 with the AN386 image (Cortex-M4), emulated."""

from fractions import Fraction

from nonn_mcu.boards.board import qemu_arm

BOARD = qemu_arm(
    name="mps2-an386",
    core="Cortex-M4",
    summary="Arm MPS2 AN386 in QEMU",
    flash_bytes=4 << 20,
    ram_bytes=4 << 20,
    instructions_per_tick=Fraction(40),  # 1 GHz of instructions, 25 MHz of ticks
)
