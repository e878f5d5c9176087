/* CMSDK APB UART (Arm Cortex-M System Design Kit, DDI 0479): one byte of buffer each way, so it is
 * polled. */
#include <stddef.h>
#include <stdint.h>

#include "cortex_m.h"

#define UART_DATA CORTEX_M_REGISTER(NONN_BOARD_UART + 0x00u)
#define UART_STATE CORTEX_M_REGISTER(NONN_BOARD_UART + 0x04u)
#define UART_CTRL CORTEX_M_REGISTER(NONN_BOARD_UART + 0x08u)
#define UART_INTCLEAR CORTEX_M_REGISTER(NONN_BOARD_UART + 0x0Cu)
#define UART_BAUDDIV CORTEX_M_REGISTER(NONN_BOARD_UART + 0x10u)

#define STATE_TX_FULL 1u
#define STATE_RX_FULL 2u
#define CTRL_TX_ENABLE 1u
#define CTRL_RX_ENABLE 2u
#define CTRL_RX_INTERRUPT 8u
#define INTERRUPT_RX 2u

#define IRQ_WORD (NONN_BOARD_UART_RX_IRQ / 32u)
#define IRQ_BIT (1u << (NONN_BOARD_UART_RX_IRQ % 32u))

void cortex_m_uart_start(void) {
    UART_BAUDDIV = NONN_BOARD_CLOCK_HZ / NONN_BOARD_BAUD;
    UART_CTRL = CTRL_TX_ENABLE | CTRL_RX_ENABLE | CTRL_RX_INTERRUPT;
}

/* Sleeps until a byte or any interrupt arrives. The receive interrupt is enabled only while all
 * interrupts are masked, so it ends the WFI and is never taken. A byte that came before the pending
 * bit was cleared shows in the state register. */
static void sleep_until_byte(void) {
    __asm volatile("cpsid i" ::: "memory");
    UART_INTCLEAR = INTERRUPT_RX;
    NVIC_ICPR(IRQ_WORD) = IRQ_BIT;
    NVIC_ISER(IRQ_WORD) = IRQ_BIT;
    if ((UART_STATE & STATE_RX_FULL) == 0) {
        __asm volatile("dsb\n wfi" ::: "memory");
    }
    NVIC_ICER(IRQ_WORD) = IRQ_BIT;
    __asm volatile("dsb\n isb\n cpsie i" ::: "memory");
}

size_t cortex_m_uart_read(uint8_t *data, size_t capacity) {
    while ((UART_STATE & STATE_RX_FULL) == 0) {
        sleep_until_byte();
    }
    size_t n = 0;
    while (n < capacity && (UART_STATE & STATE_RX_FULL) != 0) {
        data[n++] = (uint8_t)UART_DATA;
    }
    return n;
}

void cortex_m_uart_write(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        while ((UART_STATE & STATE_TX_FULL) != 0) {
        }
        UART_DATA = data[i];
    }
}
