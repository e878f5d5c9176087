"""Arm MPS3 with the AN547 image (Corstone-300, Cortex-M55), emulated."""

from fractions import Fraction

from nonn_mcu.boards.board import qemu_arm

BOARD = qemu_arm(
    name="mps3-an547",
    core="Cortex-M55",
    summary="Arm MPS3 AN547 in QEMU",
    flash_bytes=2 << 20,
    ram_bytes=512 << 10,
    instructions_per_tick=Fraction(125, 4),  # 1 GHz of instructions, 32 MHz of ticks
)
