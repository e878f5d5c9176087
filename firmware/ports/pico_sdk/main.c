/* Raspberry Pi Pico (RP2040) and Pico 2 (RP2350) on the Pico SDK. CMake defines NONN_MODEL_NAME and
 * NONN_MODEL_SHA256, for picotool; the device says them itself over the line. */
#include <stdint.h>

#include "hardware/timer.h"
#include "nonn/device.h"
#include "pico/binary_info.h"
#include "usb_line.h"

#if defined(__riscv)
#define CORE "hazard3"
#elif PICO_RP2040
#define CORE "cortex-m0plus"
#else
#define CORE "cortex-m33"
#endif

/* The SDK's linker script: the stack of core 0, of PICO_STACK_SIZE bytes, and the static data. */
extern uint32_t __StackBottom[], __StackTop[];
extern uint8_t __data_start__[], __data_end__[], __bss_start__[], __bss_end__[];

#define STACK_PAINT 0xA5C3A5C3u

/* What lies below this function's own frame has been in use at most by what ran before main. The
 * distance leaves room for the frame and for interrupts, which push onto the same stack. */
static void paint_stack(void) {
    uint32_t here = 0;
    const uintptr_t end = (uintptr_t)&here - 512u;
    for (volatile uint32_t *p = __StackBottom; (uintptr_t)p < end; p++) {
        *p = STACK_PAINT;
    }
}

static uint32_t stack_high_water(void) {
    const volatile uint32_t *p = __StackBottom;
    while ((uintptr_t)p < (uintptr_t)__StackTop && *p == STACK_PAINT) {
        p++;
    }
    return (uint32_t)((uintptr_t)__StackTop - (uintptr_t)p);
}

static uint32_t static_bytes(void) {
    return (uint32_t)((uintptr_t)__data_end__ - (uintptr_t)__data_start__ + (uintptr_t)__bss_end__ -
                      (uintptr_t)__bss_start__);
}

static uint64_t microseconds(void) {
    return time_us_64();
}

int main(void) {
    bi_decl(bi_program_feature("model " NONN_MODEL_NAME));
    bi_decl(bi_program_feature("sha256 " NONN_MODEL_SHA256));
    paint_stack();
    const nonn_port port = {
        .board = PICO_BOARD,
        .core = CORE,
        .tick_unit = "us",
        .tick_numerator = 1,
        .tick_denominator = 1,
        .ticks_per_second = 1000000u,
        .static_bytes = static_bytes(),
        .read = usb_line_read,
        .write = usb_line_write,
        .ticks = microseconds,
        .stack_high_water = stack_high_water,
    };
    usb_line_start();
    nonn_device_run(&port);
    return 0;
}
