/* What the parts of a Cortex-M port share: the core's registers and the port's own functions.
 * A board adds `board.h` with NONN_BOARD_* (see ports/mps2-an386/board.h for the list). */
#ifndef NONN_CORTEX_M_H
#define NONN_CORTEX_M_H

#include <stddef.h>
#include <stdint.h>

#include "board.h"

#define CORTEX_M_REGISTER(address) (*(volatile uint32_t *)(uintptr_t)(address))

#define SYST_CSR CORTEX_M_REGISTER(0xE000E010u)
#define SYST_RVR CORTEX_M_REGISTER(0xE000E014u)
#define SYST_CVR CORTEX_M_REGISTER(0xE000E018u)
#define NVIC_ISER(n) CORTEX_M_REGISTER(0xE000E100u + 4u * (n))
#define NVIC_ICER(n) CORTEX_M_REGISTER(0xE000E180u + 4u * (n))
#define NVIC_ICPR(n) CORTEX_M_REGISTER(0xE000E280u + 4u * (n))
#define SCB_ICSR CORTEX_M_REGISTER(0xE000ED04u)
#define SCB_ICSR_PENDSTSET (1u << 26)
#define SCB_CPACR CORTEX_M_REGISTER(0xE000ED88u)
#define MPU_CTRL CORTEX_M_REGISTER(0xE000ED94u)
#define MPU_RNR CORTEX_M_REGISTER(0xE000ED98u)
#define MPU_RBAR CORTEX_M_REGISTER(0xE000ED9Cu)
#define MPU_RASR CORTEX_M_REGISTER(0xE000EDA0u)

/* SysTick at the processor clock, extended beyond its 24 bits by counting its wraps. */
void cortex_m_systick_start(void);
uint64_t cortex_m_ticks(void);

/* CMSDK APB UART, 8N1, NONN_BOARD_BAUD. */
void cortex_m_uart_start(void);
size_t cortex_m_uart_read(uint8_t *data, size_t capacity);
void cortex_m_uart_write(const uint8_t *data, size_t size);

/* Bytes of stack ever used: the words painted at reset that were overwritten since. */
uint32_t cortex_m_stack_high_water(void);

/* Bytes of .data, .bss and the arena as linked. */
uint32_t cortex_m_static_bytes(void);

#endif
