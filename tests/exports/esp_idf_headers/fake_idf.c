/* ESP-IDF's two drivers as a process, whose host is a pseudo-terminal. They wait, return less than
 * asked for and refuse where the real ones do, and abort where those would fail.
 *
 *   fake           a host that takes whatever it is sent
 *   fake deaf HEX  sends HEX and takes nothing; later takes all, and sends HEX again. Prints the
 *                  milliseconds that the first took, then the bytes as hex.
 */
#define _GNU_SOURCE
#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "../pseudo_terminal.h"
#include "driver/uart.h"
#include "driver/usb_serial_jtag.h"
#include "esp_timer.h"
#include "freertos/task.h"
#include "sdkconfig.h"
#include "soc/uart_pins.h"

#define FIFO_BYTES 128 /* of a UART without a buffer of the driver's */

void app_main(void);

static bool deaf, scripted;
static int line = -1;
static uint8_t script[512];
static size_t script_bytes, script_read;
static uint8_t waiting[4096]; /* the driver's buffer towards the host */
static size_t waits, room;
static unsigned milliseconds; /* spent waiting for a host that takes nothing */
static bool configured, routed;

static void require(bool fine, const char *what) {
    if (!fine) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void installed(size_t rx_buffer, size_t tx_buffer) {
    require(line < 0 && room == 0, "a driver is installed twice");
    require(rx_buffer > FIFO_BYTES && tx_buffer <= sizeof waiting, "sizes of buffers");
    room = tx_buffer;
    if (!scripted) {
        line = terminal_open();
    }
}

static void to_host(const uint8_t *data, size_t size) {
    if (scripted) {
        for (size_t i = 0; i < size; i++) {
            printf("%02x", data[i]);
        }
    } else {
        terminal_require(write(line, data, size) == (ssize_t)size, "write");
    }
}

/* A script that has been read to its end, and no answer is being written. */
static void script_idles(void) {
    if (!deaf) {
        printf("\n");
        exit(0);
    }
    printf("%u\n", milliseconds);
    deaf = false;
    script_read = 0;
    to_host(waiting, waits);
    waits = 0;
}

/* At least one byte where it may wait for ever. */
static size_t from_host(uint8_t *data, size_t capacity, TickType_t wait) {
    if (!scripted) {
        if (!terminal_ready(line, wait == portMAX_DELAY ? -1 : 0)) {
            return 0;
        }
        const ssize_t n = read(line, data, capacity);
        terminal_require(n > 0, "read");
        return (size_t)n;
    }
    if (script_read == script_bytes) {
        if (wait == 0) {
            return 0;
        }
        script_idles();
    }
    const size_t left = script_bytes - script_read;
    const size_t n = left < capacity ? left : capacity;
    memcpy(data, script + script_read, n);
    script_read += n;
    return n;
}

/* USB Serial/JTAG: a read returns what is there, a write goes whole into the buffer or not at all.
 */

esp_err_t usb_serial_jtag_driver_install(usb_serial_jtag_driver_config_t *config) {
    installed(config->rx_buffer_size, config->tx_buffer_size);
    return ESP_OK;
}

int usb_serial_jtag_read_bytes(void *buf, uint32_t length, uint32_t ticks_to_wait) {
    static unsigned calls;
    require(room > 0, "no driver");
    if (++calls % 5 == 0) {
        return 0; /* nothing, though it may wait: FreeRTOS's longest delay ends after 497 days */
    }
    return (int)from_host(buf, length, ticks_to_wait);
}

int usb_serial_jtag_write_bytes(const void *src, size_t size, uint32_t ticks_to_wait) {
    require(room > 0 && size > 0 && size <= room, "usb_serial_jtag_write_bytes");
    if (!deaf) {
        to_host(src, size);
        return (int)size;
    }
    if (size > room - waits) {
        require(ticks_to_wait != portMAX_DELAY, "waits for ever");
        milliseconds += ticks_to_wait * 1000u / configTICK_RATE_HZ;
        return 0;
    }
    memcpy(waiting + waits, src, size);
    waits += size;
    return (int)size;
}

/* UART: a read waits until all bytes are there. */

esp_err_t uart_driver_install(uart_port_t uart_num, int rx_buffer_size, int tx_buffer_size,
                              int queue_size, void *uart_queue, int intr_alloc_flags) {
    require(uart_num == UART_NUM_0 && queue_size == 0 && uart_queue == NULL &&
                intr_alloc_flags == 0 && (tx_buffer_size == 0 || tx_buffer_size > FIFO_BYTES),
            "uart_driver_install");
    installed((size_t)rx_buffer_size, (size_t)tx_buffer_size);
    return ESP_OK;
}

esp_err_t uart_param_config(uart_port_t uart_num, const uart_config_t *config) {
    require(uart_num == UART_NUM_0 && config->baud_rate == 115200 &&
                config->data_bits == UART_DATA_8_BITS && config->parity == UART_PARITY_DISABLE &&
                config->stop_bits == UART_STOP_BITS_1 &&
                config->flow_ctrl == UART_HW_FLOWCTRL_DISABLE,
            "uart_param_config");
    configured = true;
    return ESP_OK;
}

esp_err_t uart_set_pin(uart_port_t uart_num, int tx_io_num, int rx_io_num, int rts_io_num,
                       int cts_io_num) {
    require(uart_num == UART_NUM_0 && tx_io_num == U0TXD_GPIO_NUM && rx_io_num == U0RXD_GPIO_NUM &&
                rts_io_num < 0 && cts_io_num < 0,
            "uart_set_pin");
    routed = true;
    return ESP_OK;
}

int uart_read_bytes(uart_port_t uart_num, void *buf, uint32_t length, TickType_t ticks_to_wait) {
    require(uart_num == UART_NUM_0 && configured && routed, "uart_read_bytes");
    uint32_t n = 0;
    while (n < length) {
        const size_t more = from_host((uint8_t *)buf + n, length - n, ticks_to_wait);
        if (more == 0) {
            break;
        }
        n += (uint32_t)more;
    }
    return (int)n;
}

esp_err_t uart_get_buffered_data_len(uart_port_t uart_num, size_t *size) {
    require(uart_num == UART_NUM_0, "uart_get_buffered_data_len");
    *size = scripted ? script_bytes - script_read : terminal_ready(line, 0) ? 1 : 0;
    return ESP_OK;
}

int uart_write_bytes(uart_port_t uart_num, const void *src, size_t size) {
    require(uart_num == UART_NUM_0 && configured && routed, "uart_write_bytes");
    if (!deaf) {
        to_host(src, size);
    }
    return (int)size;
}

/* The rest. */

int64_t esp_timer_get_time(void) {
    struct timespec now;
    terminal_require(clock_gettime(CLOCK_MONOTONIC, &now) == 0, "clock_gettime");
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

UBaseType_t uxTaskGetStackHighWaterMark(TaskHandle_t task) {
    require(task == NULL, "uxTaskGetStackHighWaterMark");
    return CONFIG_ESP_MAIN_TASK_STACK_SIZE - 1234;
}

int main(int count, char **arguments) {
    deaf = scripted = count > 2 && strcmp(arguments[1], "deaf") == 0;
    unsigned byte;
    for (const char *at = count > 2 ? arguments[2] : ""; sscanf(at, "%2x", &byte) == 1; at += 2) {
        script[script_bytes++] = (uint8_t)byte;
    }
    app_main();
    return 1;
}
