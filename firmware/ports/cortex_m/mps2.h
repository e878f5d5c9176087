/* What the FPGA images of Arm's MPS2 board have in common, as QEMU emulates them. */
#ifndef NONN_MPS2_H
#define NONN_MPS2_H

#define NONN_BOARD_CLOCK_HZ 25000000u /* of the core, SysTick and the UART */
#define NONN_BOARD_BAUD 115200u
#define NONN_BOARD_UART 0x40004000u
#define NONN_BOARD_UART_RX_IRQ 0u
#define NONN_BOARD_INTERRUPTS 32 /* entries in the vector table */

/* With QEMU's -icount shift=0 an instruction is 1 ns and a tick of SysTick 1 / 25 MHz. */
#define NONN_BOARD_TICK_UNIT "instructions"
#define NONN_BOARD_TICK_NUMERATOR 40u
#define NONN_BOARD_TICK_DENOMINATOR 1u
#define NONN_BOARD_TICKS_PER_SECOND NONN_BOARD_CLOCK_HZ

#endif
