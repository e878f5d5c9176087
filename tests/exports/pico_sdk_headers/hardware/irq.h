#ifndef HARDWARE_IRQ_H
#define HARDWARE_IRQ_H
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PICO_LOWEST_IRQ_PRIORITY 0xff

#if defined(__arm__)
typedef unsigned int uint; /* the SDK's pico/types.h; glibc has its own */
#endif
typedef void (*irq_handler_t)(void);
int user_irq_claim_unused(bool required);
void irq_set_exclusive_handler(uint num, irq_handler_t handler);
void irq_set_priority(uint num, uint8_t hardware_priority);
void irq_set_enabled(uint num, bool enabled);
void irq_set_pending(uint num);
#endif
