/* What RAM the program takes, by the symbols of the SDK's linker script. */
#ifndef PICO_SDK_MEMORY_H
#define PICO_SDK_MEMORY_H

#include <stdint.h>

/* Marks what is free of the stack; first thing in main. */
void memory_paint_stack(void);

/* nonn_port.stack_high_water, as far as the paint reached. */
uint32_t memory_stack_high_water(void);

/* Bytes of .data and .bss. */
uint32_t memory_static_bytes(void);

#endif
