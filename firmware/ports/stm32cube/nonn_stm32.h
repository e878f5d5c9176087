/* The device on an STM32, in a project made by STM32CubeMX, over ST's HAL of any family.
 *
 * One line of bytes, served from main and never returned from; bytes arrive by interrupt, one at a
 * time, and leave by polling. No DMA, no heap. Everything else is ST's and stays as it was
 * generated.
 */
#ifndef NONN_STM32_H
#define NONN_STM32_H

#include <stddef.h>
#include <stdint.h>

#include "main.h" /* CubeMX's own: it includes the HAL of the family */
#include "nonn/device.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Bytes that wait to be read; a request longer than that would be lost while the model runs. */
#ifndef NONN_STM32_RING
#define NONN_STM32_RING 1024u
#endif
#if NONN_STM32_RING < 256 || (NONN_STM32_RING & (NONN_STM32_RING - 1u)) != 0
#error "NONN_STM32_RING must be a power of two, at least 256"
#endif

#ifdef HAL_UART_MODULE_ENABLED
/* Serves `nonn_model` on `uart`, whose global interrupt is enabled, for ever. `board` is told to
 * the host: printable ASCII, at most 31 characters; it must stay in place. */
void nonn_stm32_serve(const char *board, UART_HandleTypeDef *uart);

/* To be called from HAL_UART_RxCpltCallback; another UART's handle does nothing. */
void nonn_stm32_uart_received(const UART_HandleTypeDef *uart);
#endif

/* For any other line (USB CDC): everything but `write`, and `mark` if there is an energy monitor.
 * Then nonn_device_run(&port). Bytes that arrive go to nonn_stm32_received(). */
nonn_port nonn_stm32_port(const char *board);

/* Takes bytes that arrived, from one interrupt's priority; what does not fit the ring is dropped,
 * and the damaged frame is noticed by its CRC. */
void nonn_stm32_received(const uint8_t *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
