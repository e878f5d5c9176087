/* Reset, faults and the vector table of every Cortex-M port. The linker script (sections.ld) names
 * the addresses. Nothing runs before main but this file: no constructors, no heap, no semihosting.
 */
#include <stdint.h>

#include "cortex_m.h"

extern uint32_t nonn_stack_bottom[], nonn_stack_top[];
extern uint32_t nonn_data_start[], nonn_data_end[];
extern const uint32_t nonn_data_image[];
extern uint32_t nonn_bss_start[], nonn_bss_end[];

#define STACK_PAINT 0xA5C3A5C3u

int main(void);

void nonn_reset(void) __attribute__((noreturn));
void nonn_fault(void);
void nonn_systick(void);

/* Every interrupt but SysTick counts as a fault: none is ever taken (the UART's only ends a WFI).
 */
__attribute__((section(".vectors"),
               used)) static void *const vectors[16 + NONN_BOARD_INTERRUPTS] = {
    nonn_stack_top,
    (void *)nonn_reset,
    [2 ... 14] = (void *)nonn_fault,
    [15] = (void *)nonn_systick,
    [16 ... 15 + NONN_BOARD_INTERRUPTS] = (void *)nonn_fault,
};

/* Runs without a stack, since a stack overflow leads here too: the stack lies at the very bottom of
 * RAM and what it pushes below that faults instead of overwriting data. A reset is what the host
 * can see. */
__attribute__((naked)) void nonn_fault(void) {
    __asm volatile(
        "ldr r0, =0xE000ED0C\n" /* AIRCR */
        "ldr r1, =0x05FA0004\n" /* VECTKEY, SYSRESETREQ */
        "dsb\n"
        "str r1, [r0]\n"
        "dsb\n"
        "1: b 1b\n"
        ".ltorg\n");
}

void nonn_reset(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= 0xFu << 20; /* CP10 and CP11: registers of the FPU and of Helium */
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    uint32_t *stack_pointer;
    __asm volatile("mov %0, sp" : "=r"(stack_pointer));
    for (uint32_t *p = nonn_stack_bottom; p < stack_pointer; p++) {
        *p = STACK_PAINT;
    }
    const uint32_t *image = nonn_data_image;
    for (uint32_t *p = nonn_data_start; p < nonn_data_end; p++) {
        *p = *image++;
    }
    for (uint32_t *p = nonn_bss_start; p < nonn_bss_end; p++) {
        *p = 0;
    }
    cortex_m_systick_start();
    cortex_m_uart_start();
    (void)main();
    nonn_fault();
    for (;;) {
    }
}

uint32_t cortex_m_stack_high_water(void) {
    const uint32_t *p = nonn_stack_bottom;
    while (p < nonn_stack_top && *p == STACK_PAINT) {
        p++;
    }
    return (uint32_t)(nonn_stack_top - p) * (uint32_t)sizeof *p;
}

uint32_t cortex_m_static_bytes(void) {
    return (uint32_t)(nonn_data_end - nonn_data_start + nonn_bss_end - nonn_bss_start) *
           (uint32_t)sizeof *nonn_bss_end;
}
