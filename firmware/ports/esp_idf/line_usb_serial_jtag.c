/* The chip's own USB serial port. It has no pins to choose and no speed. */
#include <stdbool.h>

#include "driver/usb_serial_jtag.h"
#include "esp_err.h"
#include "freertos/FreeRTOS.h"
#include "line.h"

#define BUFFER_BYTES 1024
#define PATIENCE pdMS_TO_TICKS(500)

void line_start(void) {
    usb_serial_jtag_driver_config_t config = USB_SERIAL_JTAG_DRIVER_CONFIG_DEFAULT();
    config.rx_buffer_size = BUFFER_BYTES;
    config.tx_buffer_size = BUFFER_BYTES;
    ESP_ERROR_CHECK(usb_serial_jtag_driver_install(&config));
}

size_t line_read(uint8_t *data, size_t capacity) {
    const int n = usb_serial_jtag_read_bytes(data, (uint32_t)capacity, portMAX_DELAY);
    return n > 0 ? (size_t)n : 0;
}

/* Bytes that nobody fetches within half a second are dropped, and so is everything after them until
 * the host fetches again: no host may be there at all. */
void line_write(const uint8_t *data, size_t size) {
    static bool given_up;
    while (size > 0) {
        const int n = usb_serial_jtag_write_bytes(data, size, given_up ? 0 : PATIENCE);
        given_up = n <= 0;
        if (given_up) {
            return;
        }
        data += n;
        size -= (size_t)n;
    }
}
