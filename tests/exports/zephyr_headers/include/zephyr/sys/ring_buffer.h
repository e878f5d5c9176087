#ifndef FAKE_ZEPHYR_RING_BUFFER_H
#define FAKE_ZEPHYR_RING_BUFFER_H

#include <stdint.h>

struct ring_buf {
    uint8_t *buffer;
    uint32_t size;
    uint32_t put;
    uint32_t got;
};
#define RING_BUF_DECLARE(name, bytes)  \
    static uint8_t name##_room[bytes]; \
    static struct ring_buf name = {name##_room, bytes, 0, 0}
uint32_t ring_buf_put(struct ring_buf *ring, const uint8_t *data, uint32_t size);
uint32_t ring_buf_get(struct ring_buf *ring, uint8_t *data, uint32_t size);

#endif
