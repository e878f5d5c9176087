/* Raspberry Pi Pico (RP2040) and Pico 2 (RP2350) on the Pico SDK. CMake defines NONN_MODEL_NAME and
 * NONN_MODEL_SHA256, for picotool; the device says them itself over the line. */
#include <stdint.h>

#include "hardware/timer.h"
#include "memory.h"
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

int main(void);

static uint64_t microseconds(void) {
    return time_us_64();
}

int main(void) {
    bi_decl(bi_program_feature("model " NONN_MODEL_NAME));
    bi_decl(bi_program_feature("sha256 " NONN_MODEL_SHA256));
    memory_paint_stack();
    const nonn_port port = {
        .board = PICO_BOARD,
        .core = CORE,
        .tick_unit = "us",
        .tick_numerator = 1,
        .tick_denominator = 1,
        .ticks_per_second = 1000000u,
        .static_bytes = memory_static_bytes(),
        .read = usb_line_read,
        .write = usb_line_write,
        .ticks = microseconds,
        .stack_high_water = memory_stack_high_water,
    };
    usb_line_start();
    nonn_device_run(&port);
    return 0;
}
