/* UART 0 on the pins that the chip's ROM uses too, which boards lead to their USB bridge: 115200
 * baud, 8N1, no flow control. A UART sends whether or not somebody listens. */
#include "driver/uart.h"
#include "esp_err.h"
#include "freertos/FreeRTOS.h"
#include "line.h"
#include "soc/uart_pins.h"

#define LINE UART_NUM_0
#define BAUD 115200
#define BUFFER_BYTES 1024

void line_start(void) {
    const uart_config_t config = {
        .baud_rate = BAUD,
        .data_bits = UART_DATA_8_BITS,
        .parity = UART_PARITY_DISABLE,
        .stop_bits = UART_STOP_BITS_1,
        .flow_ctrl = UART_HW_FLOWCTRL_DISABLE,
        .source_clk = UART_SCLK_DEFAULT,
    };
    ESP_ERROR_CHECK(uart_driver_install(LINE, BUFFER_BYTES, BUFFER_BYTES, 0, NULL, 0));
    ESP_ERROR_CHECK(uart_param_config(LINE, &config));
    ESP_ERROR_CHECK(
        uart_set_pin(LINE, U0TXD_GPIO_NUM, U0RXD_GPIO_NUM, UART_PIN_NO_CHANGE, UART_PIN_NO_CHANGE));
}

/* The driver waits until it has all it was asked for: ask for one byte, then for those behind it.
 */
size_t line_read(uint8_t *data, size_t capacity) {
    if (uart_read_bytes(LINE, data, 1, portMAX_DELAY) != 1) {
        return 0;
    }
    size_t waiting = 0;
    if (uart_get_buffered_data_len(LINE, &waiting) != ESP_OK) {
        return 1;
    }
    const size_t more = waiting < capacity - 1 ? waiting : capacity - 1;
    const int n = more > 0 ? uart_read_bytes(LINE, data + 1, (uint32_t)more, 0) : 0;
    return n > 0 ? 1 + (size_t)n : 1;
}

void line_write(const uint8_t *data, size_t size) {
    while (size > 0) {
        const int n = uart_write_bytes(LINE, data, size);
        if (n <= 0) {
            return;
        }
        data += n;
        size -= (size_t)n;
    }
}
