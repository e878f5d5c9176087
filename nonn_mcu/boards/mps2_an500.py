"""Arm MPS2 with the AN500 image (Cortex-M7), emulated."""

from fractions import Fraction

from nonn_mcu.boards.board import qemu_arm

BOARD = qemu_arm(
    name="mps2-an500",
    core="Cortex-M7",
    summary="Arm MPS2 AN500 in QEMU",
    flash_bytes=4 << 20,
    ram_bytes=4 << 20,
    instructions_per_tick=Fraction(40),  # 1 GHz of instructions, 25 MHz of ticks
)
