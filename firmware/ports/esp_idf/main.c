/* Chips of the ESP32 family on ESP-IDF. The device runs in the main task, which never ends. */
#include <stdint.h>

#include "esp_timer.h"
#include "freertos/FreeRTOS.h"
#include "freertos/task.h"
#include "line.h"
#include "nonn/device.h"
#include "sdkconfig.h"

#if CONFIG_IDF_TARGET_ESP32
#define CORE "xtensa-lx6"
#elif CONFIG_IDF_TARGET_ARCH_XTENSA
#define CORE "xtensa-lx7"
#else
#define CORE "riscv32"
#endif

void app_main(void);

static uint64_t microseconds(void) {
    return (uint64_t)esp_timer_get_time();
}

/* ESP-IDF counts stacks in bytes, not in words as other FreeRTOS ports do. */
static uint32_t stack_high_water(void) {
    return (uint32_t)CONFIG_ESP_MAIN_TASK_STACK_SIZE - (uint32_t)uxTaskGetStackHighWaterMark(NULL);
}

void app_main(void) {
    const nonn_port port = {
        .board = CONFIG_IDF_TARGET,
        .core = CORE,
        .tick_unit = "us",
        .tick_numerator = 1,
        .tick_denominator = 1,
        .ticks_per_second = 1000000u,
        .read = line_read,
        .write = line_write,
        .ticks = microseconds,
        .stack_high_water = stack_high_water,
    };
    line_start();
    nonn_device_run(&port);
}
