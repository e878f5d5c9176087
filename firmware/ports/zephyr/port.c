#include <errno.h>
#include <stdint.h>
#include <zephyr/device.h>
#include <zephyr/devicetree.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/linker/linker-defs.h>
#include <zephyr/sys/ring_buffer.h>

#include "nonn/device.h"
#include "nonn_zephyr.h"

#if DT_HAS_CHOSEN(nonn_uart)
#define UART DT_CHOSEN(nonn_uart)
#elif DT_HAS_CHOSEN(zephyr_console)
#define UART DT_CHOSEN(zephyr_console)
#else
#error "The devicetree chooses no UART: set nonn,uart in /chosen"
#endif

#if defined(CONFIG_BOARD_TARGET)
#define BOARD CONFIG_BOARD_TARGET
#else
#define BOARD CONFIG_BOARD
#endif

#if defined(CONFIG_CPU_CORTEX_M0)
#define CORE "cortex-m0"
#elif defined(CONFIG_CPU_CORTEX_M0PLUS)
#define CORE "cortex-m0+"
#elif defined(CONFIG_CPU_CORTEX_M1)
#define CORE "cortex-m1"
#elif defined(CONFIG_CPU_CORTEX_M3)
#define CORE "cortex-m3"
#elif defined(CONFIG_CPU_CORTEX_M4)
#define CORE "cortex-m4"
#elif defined(CONFIG_CPU_CORTEX_M7)
#define CORE "cortex-m7"
#elif defined(CONFIG_CPU_CORTEX_M23)
#define CORE "cortex-m23"
#elif defined(CONFIG_CPU_CORTEX_M33)
#define CORE "cortex-m33"
#elif defined(CONFIG_CPU_CORTEX_M55)
#define CORE "cortex-m55"
#elif defined(CONFIG_CPU_CORTEX_M85)
#define CORE "cortex-m85"
#else
#define CORE CONFIG_ARCH
#endif

#define NANOSECONDS 1000000000u

RING_BUF_DECLARE(received, CONFIG_NONN_MCU_RX_BYTES);
static K_SEM_DEFINE(arrived, 0, 1);
static const struct device *const uart = DEVICE_DT_GET(UART);

/* What finds no room is lost; the frame's CRC tells, and the host sends it again. */
static void on_interrupt(const struct device *device, void *unused) {
    ARG_UNUSED(unused);
    for (;;) {
        uint8_t data[16];
        (void)uart_irq_update(device);
        const int count =
            uart_irq_rx_ready(device) > 0 ? uart_fifo_read(device, data, (int)sizeof data) : 0;
        if (count <= 0) {
            return;
        }
        (void)ring_buf_put(&received, data, (uint32_t)count);
        k_sem_give(&arrived);
    }
}

static size_t read_uart(uint8_t *data, size_t capacity) {
    for (;;) {
        const uint32_t count = ring_buf_get(&received, data, (uint32_t)capacity);
        if (count > 0) {
            return count;
        }
        (void)k_sem_take(&arrived, K_FOREVER);
    }
}

static void write_uart(const uint8_t *data, size_t size) {
    for (size_t i = 0; i < size; i++) {
        uart_poll_out(uart, data[i]);
    }
}

#if defined(CONFIG_TIMER_HAS_64BIT_CYCLE_COUNTER)
static uint64_t cycles(void) {
    return k_cycle_get_64();
}

static void count_wraps(void) {
}
#else
/* The 32 bits of the kernel's counter, made 64 by looking at least every quarter of their range. */
static uint64_t cycles(void) {
    static uint64_t now;
    const unsigned int key = irq_lock();
    now += (uint32_t)(k_cycle_get_32() - (uint32_t)now);
    const uint64_t result = now;
    irq_unlock(key);
    return result;
}

static void look(struct k_timer *timer) {
    ARG_UNUSED(timer);
    (void)cycles();
}

static K_TIMER_DEFINE(quarter, look, NULL);

static void count_wraps(void) {
    const uint32_t per_second = (uint32_t)sys_clock_hw_cycles_per_sec();
    const uint32_t milliseconds = (uint32_t)((UINT64_C(1000) << 30) / per_second);
    k_timer_start(&quarter, K_MSEC(milliseconds), K_MSEC(milliseconds));
}
#endif

#if defined(CONFIG_INIT_STACKS) && defined(CONFIG_THREAD_STACK_INFO)
static uint32_t stack_high_water(void) {
    size_t unused = 0;
    const int error = k_thread_stack_space_get(k_current_get(), &unused);
    return error != 0 ? 0 : (uint32_t)(k_current_get()->stack_info.size - unused);
}
#else
#define stack_high_water NULL
#endif

int nonn_zephyr_serve(void) {
    const uint32_t per_second = (uint32_t)sys_clock_hw_cycles_per_sec();
    const nonn_port port = {
        .board = BOARD,
        .core = CORE,
        .tick_unit = "ns",
        .tick_numerator = NANOSECONDS,
        .tick_denominator = per_second,
        .ticks_per_second = per_second,
        .static_bytes =
            (uint32_t)((__bss_end - __bss_start) + (__data_region_end - __data_region_start)),
        .read = read_uart,
        .write = write_uart,
        .ticks = cycles,
        .stack_high_water = stack_high_water,
    };
    if (!device_is_ready(uart)) {
        return -ENODEV;
    }
    const int error = uart_irq_callback_user_data_set(uart, on_interrupt, NULL);
    if (error != 0) {
        return error;
    }
    count_wraps();
    uart_irq_rx_enable(uart);
    nonn_device_run(&port);
    return 0;
}
