/* Arm MPS3 with FPGA image AN547 (Corstone-300, Cortex-M55), as QEMU's mps3-an547 emulates it. */
#ifndef NONN_BOARD_H
#define NONN_BOARD_H

#define NONN_BOARD_NAME "mps3-an547"
#define NONN_BOARD_CORE "cortex-m55"
#define NONN_BOARD_CLOCK_HZ 25000000u /* of the peripherals; the core and SysTick run at 32 MHz */
#define NONN_BOARD_BAUD 115200u
#define NONN_BOARD_UART 0x49303000u
#define NONN_BOARD_UART_RX_IRQ 33u
#define NONN_BOARD_INTERRUPTS 96 /* entries in the vector table */

/* With QEMU's -icount shift=0 an instruction is 1 ns and a tick of SysTick 1 / 32 MHz. */
#define NONN_BOARD_TICK_UNIT "instructions"
#define NONN_BOARD_TICK_NUMERATOR 125u
#define NONN_BOARD_TICK_DENOMINATOR 4u
#define NONN_BOARD_TICKS_PER_SECOND 32000000u

#endif
