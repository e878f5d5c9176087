#ifndef FAKE_ZEPHYR_UART_H
#define FAKE_ZEPHYR_UART_H

#include <stdint.h>
#include <zephyr/device.h>

typedef void (*uart_irq_callback_user_data_t)(const struct device *uart, void *user_data);
int uart_irq_callback_user_data_set(const struct device *uart,
                                    uart_irq_callback_user_data_t callback, void *user_data);
void uart_irq_rx_enable(const struct device *uart);
int uart_irq_update(const struct device *uart);
int uart_irq_rx_ready(const struct device *uart);
int uart_fifo_read(const struct device *uart, uint8_t *data, const int size);
void uart_poll_out(const struct device *uart, unsigned char byte);

#endif
