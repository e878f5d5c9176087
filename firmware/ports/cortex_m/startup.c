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
#define GUARD_BYTES (1u << 20)

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

/* A reset is what the host can see of a fault. No stack is used: a stack overflow leads here too.
 */
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

/* The stack lies at the very bottom of RAM, so what is pushed beyond it must fault, not vanish. */
static inline void guard_stack(void) {
#if __ARM_ARCH >= 8
    __asm volatile("msr msplim, %0" : : "r"(nonn_stack_bottom));
#else
    /* MPU region 0: no access to the MiB below RAM. Everything else as without an MPU. */
    MPU_RNR = 0;
    MPU_RBAR = (uint32_t)nonn_stack_bottom - GUARD_BYTES;
    MPU_RASR =
        (1u << 28) | (19u << 1) | 1u; /* never executed; access 0: none; 2^(19+1) bytes; on */
    MPU_CTRL = 5u;                    /* on, over the default map; off while a fault is handled */
    __asm volatile("dsb\n isb" ::: "memory");
#endif
}

void nonn_reset(void) {
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    SCB_CPACR |= 0xFu << 20; /* CP10 and CP11: registers of the FPU and of Helium */
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    guard_stack();
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
