#include "nonn_stm32.h"

#include <stdbool.h>

#if __CORTEX_M == 0
#define NONN_STM32_CORE "cortex-m0"
#elif __CORTEX_M == 3
#define NONN_STM32_CORE "cortex-m3"
#elif __CORTEX_M == 4
#define NONN_STM32_CORE "cortex-m4"
#elif __CORTEX_M == 7
#define NONN_STM32_CORE "cortex-m7"
#elif __CORTEX_M == 33
#define NONN_STM32_CORE "cortex-m33"
#elif __CORTEX_M == 55
#define NONN_STM32_CORE "cortex-m55"
#else
#define NONN_STM32_CORE "cortex-m"
#endif

#define NONN_STM32_HALF_TURN (UINT64_C(1) << 31)
#define STACK_PAINT 0xA5C3A5C3u
#define PROCESS_STACK 2u /* in CONTROL: main runs in a task of an RTOS */

/* What CubeMX's linker scripts for GCC define. Weak: another linker's script has other names, and
 * then the figures are not known. */
extern uint8_t _sdata[] __attribute__((weak));
extern uint8_t _edata[] __attribute__((weak));
extern uint8_t _sbss[] __attribute__((weak));
extern uint8_t _ebss[] __attribute__((weak));
extern uint8_t _estack[] __attribute__((weak));
extern uint8_t _Min_Stack_Size[] __attribute__((weak)); /* its address is the size */

static uint8_t ring[NONN_STM32_RING];
static volatile uint32_t arrived; /* bytes ever, by the interrupt */
static volatile uint32_t taken;   /* bytes ever, by read */

static bool cycles; /* the core has a cycle counter that counts */
static uint32_t last_count, last_milliseconds;
static uint64_t total;

void nonn_stm32_received(const uint8_t *data, size_t size) {
    uint32_t at = arrived;
    for (size_t i = 0; i < size && at - taken < NONN_STM32_RING; i++) {
        ring[at++ % NONN_STM32_RING] = data[i];
    }
    __DMB();
    arrived = at;
}

#ifdef DWT_CTRL_CYCCNTENA_Msk
static uint32_t count(void) {
    return DWT->CYCCNT;
}

static bool start_count(void) {
#ifdef DCB_DEMCR_TRCENA_Msk
    DCB->DEMCR |= DCB_DEMCR_TRCENA_Msk;
#else
    CoreDebug->DEMCR |= CoreDebug_DEMCR_TRCENA_Msk;
#endif
#if __CORTEX_M == 7
    DWT->LAR = 0xC5ACCE55u; /* the M7 locks it against software */
#endif
    DWT->CYCCNT = 0;
    DWT->CTRL |= DWT_CTRL_CYCCNTENA_Msk;
    return (DWT->CTRL & DWT_CTRL_CYCCNTENA_Msk) != 0; /* it is optional, and emulators lack it */
}
#else
static uint32_t count(void) {
    return 0;
}

static bool start_count(void) {
    return false;
}
#endif

/* CYCCNT turns over every few seconds, and nobody may have asked for longer: HAL_GetTick() says how
 * often. Without it ticks are HAL_GetTick()'s milliseconds. */
static uint64_t ticks(void) {
    const uint32_t milliseconds = HAL_GetTick();
    const uint32_t now = count();
    const uint32_t passed = milliseconds - last_milliseconds;
    if (cycles) {
        const uint32_t counted = now - last_count;
        const uint64_t expected = (uint64_t)passed * (SystemCoreClock / 1000u);
        total += counted;
        if (expected > counted) {
            total += (expected - counted + NONN_STM32_HALF_TURN) >> 32 << 32;
        }
    } else {
        total += passed;
    }
    last_count = now;
    last_milliseconds = milliseconds;
    return total;
}

/* Until a byte or any other interrupt comes, HAL's own every millisecond. Interrupts are masked
 * between the look and the sleep, so that none is missed; a masked one ends the sleep too. The
 * cycle counter may stand still meanwhile. */
static void sleep_until_byte(void) {
    (void)ticks();
    __disable_irq();
    if (arrived == taken) {
        __DSB();
        __WFI();
    }
    __enable_irq();
    if (cycles) {
        last_milliseconds = HAL_GetTick();
    }
}

static size_t read_ring(uint8_t *data, size_t capacity) {
    if (arrived == taken) {
        sleep_until_byte();
    }
    const uint32_t end = arrived;
    __DMB();
    uint32_t at = taken;
    size_t n = 0;
    while (n < capacity && at != end) {
        data[n++] = ring[at++ % NONN_STM32_RING];
    }
    __DMB();
    taken = at;
    return n;
}

/* Only the stack that the linker script reserves: what lies below may be the heap's. */
static uint32_t *stack_bottom(void) {
    return (uint32_t *)((uintptr_t)_estack - (uintptr_t)_Min_Stack_Size);
}

static bool paint_stack(void) {
    const uint32_t *stack_pointer = (const uint32_t *)(uintptr_t)__get_MSP();
    if (_estack == NULL || _Min_Stack_Size == NULL || (__get_CONTROL() & PROCESS_STACK) != 0 ||
        stack_pointer < stack_bottom()) {
        return false;
    }
    for (uint32_t *p = stack_bottom(); p < stack_pointer; p++) {
        *p = STACK_PAINT;
    }
    return true;
}

/* At most what the linker script reserves, also where more was used. */
static uint32_t stack_high_water(void) {
    const uint32_t *p = stack_bottom();
    while ((uintptr_t)p < (uintptr_t)_estack && *p == STACK_PAINT) {
        p++;
    }
    return (uint32_t)((uintptr_t)_estack - (uintptr_t)p);
}

static uint32_t static_bytes(void) {
    return (uint32_t)((uintptr_t)_edata - (uintptr_t)_sdata + (uintptr_t)_ebss - (uintptr_t)_sbss);
}

nonn_port nonn_stm32_port(const char *board) {
    cycles = start_count();
    last_milliseconds = HAL_GetTick();
    last_count = count();
    const nonn_port port = {
        .board = board,
        .core = NONN_STM32_CORE,
        .tick_unit = cycles ? "cycles" : "ns",
        .tick_numerator = cycles ? 1u : 1000000u,
        .tick_denominator = 1,
        .ticks_per_second = cycles ? SystemCoreClock : 1000u,
        .static_bytes = static_bytes(),
        .read = read_ring,
        .ticks = ticks,
        .stack_high_water = paint_stack() ? stack_high_water : NULL,
    };
    return port;
}

#ifdef HAL_UART_MODULE_ENABLED
static UART_HandleTypeDef *line;
static uint8_t arriving;

void nonn_stm32_uart_received(const UART_HandleTypeDef *uart) {
    if (uart == line) {
        nonn_stm32_received(&arriving, 1);
        (void)HAL_UART_Receive_IT(line, &arriving, 1);
    }
}

/* An overrun ends HAL's reception, and an older HAL refuses to start it anew while it transmits: it
 * is started again here. */
static size_t read_uart(uint8_t *data, size_t capacity) {
    if (line->RxState == HAL_UART_STATE_READY) {
        (void)HAL_UART_Receive_IT(line, &arriving, 1);
    }
    return read_ring(data, capacity);
}

/* The cast: HALs from before 2021 take no const. */
static void write_uart(const uint8_t *data, size_t size) {
    uint8_t *bytes = (uint8_t *)(uintptr_t)data;
    while (HAL_UART_Transmit(line, bytes, (uint16_t)size, HAL_MAX_DELAY) == HAL_BUSY) {
    }
}

void nonn_stm32_serve(const char *board, UART_HandleTypeDef *uart) {
    line = uart;
    nonn_port port = nonn_stm32_port(board);
    port.read = read_uart;
    port.write = write_uart;
    nonn_device_run(&port);
}
#endif
