#include "cortex_m.h"
#include "nonn/device.h"

int main(void);

int main(void) {
    const nonn_port port = {
        .board = NONN_BOARD_NAME,
        .core = NONN_BOARD_CORE,
        .tick_unit = NONN_BOARD_TICK_UNIT,
        .tick_numerator = NONN_BOARD_TICK_NUMERATOR,
        .tick_denominator = NONN_BOARD_TICK_DENOMINATOR,
        .ticks_per_second = NONN_BOARD_TICKS_PER_SECOND,
        .static_bytes = cortex_m_static_bytes(),
        .read = cortex_m_uart_read,
        .write = cortex_m_uart_write,
        .ticks = cortex_m_ticks,
        .stack_high_water = cortex_m_stack_high_water,
    };
    nonn_device_run(&port);
    return 0;
}
