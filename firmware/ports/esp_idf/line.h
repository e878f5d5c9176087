/* The line to the host, through a driver and never through stdio. menuconfig chooses which file is
 * built (Kconfig.projbuild). */
#ifndef ESP_IDF_LINE_H
#define ESP_IDF_LINE_H

#include <stddef.h>
#include <stdint.h>

/* Installs the driver; what fails here aborts, which resets the chip. */
void line_start(void);

/* nonn_port.read: lets other tasks run until a byte arrives. */
size_t line_read(uint8_t *data, size_t capacity);

/* nonn_port.write */
void line_write(const uint8_t *data, size_t size);

#endif
