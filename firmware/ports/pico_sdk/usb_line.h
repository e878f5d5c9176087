/* The line to the host: USB CDC, through TinyUSB itself and never through stdio, which would turn
 * LF into CR LF and drop what does not fit. */
#ifndef PICO_SDK_USB_LINE_H
#define PICO_SDK_USB_LINE_H

#include <stddef.h>
#include <stdint.h>

/* Starts USB. From then on interrupts serve it, also while a model runs. */
void usb_line_start(void);

/* nonn_port.read: sleeps until a byte arrives. */
size_t usb_line_read(uint8_t *data, size_t capacity);

/* nonn_port.write: bytes that nobody fetches within half a second are dropped, and so is everything
 * after them until the host fetches again. */
void usb_line_write(const uint8_t *data, size_t size);

#endif
