#include "memory.h"

/* The stack of core 0, of PICO_STACK_SIZE bytes, and the static data. */
extern uint32_t __StackBottom[], __StackTop[];
extern uint8_t __data_start__[], __data_end__[], __bss_start__[], __bss_end__[];

#define PAINT 0xA5C3A5C3u
#define IN_USE 512u /* this function's own frame, and interrupts that push onto the same stack */

void memory_paint_stack(void) {
    volatile uint32_t here = 0;
    const uintptr_t end = (uintptr_t)&here - IN_USE;
    for (volatile uint32_t *p = __StackBottom; p < __StackTop && (uintptr_t)p < end; p++) {
        *p = PAINT;
    }
}

uint32_t memory_stack_high_water(void) {
    const volatile uint32_t *p = __StackBottom;
    while (p < __StackTop && *p == PAINT) {
        p++;
    }
    return (uint32_t)((uintptr_t)__StackTop - (uintptr_t)p);
}

uint32_t memory_static_bytes(void) {
    return (uint32_t)((uintptr_t)__data_end__ - (uintptr_t)__data_start__ + (uintptr_t)__bss_end__ -
                      (uintptr_t)__bss_start__);
}
