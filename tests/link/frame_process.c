/* The frame decoder and encoder as a process, for tests to compare with.
 *
 * In, again and again: u32 capacity, u32 size, bytes. The bytes go to a decoder of that capacity,
 * in a buffer of exactly that size, and then once through the encoder. Out: u32 how many statuses;
 * for each u8 status and, if it is NONN_FRAME_COMPLETE, u32 size and the content; then u32 size of
 * the encoded frame and its bytes. Integers in the byte order of the machine.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nonn/frame.h"

static uint8_t out[1 << 20];
static size_t used;

static void append(const uint8_t *data, size_t size) {
    if (size > sizeof out - used) {
        abort();
    }
    if (size > 0) {
        memcpy(out + used, data, size);
    }
    used += size;
}

static void append_u32(uint32_t value) {
    uint8_t bytes[4];
    memcpy(bytes, &value, 4);
    append(bytes, 4);
}

static void decode_all(const uint8_t *data, uint32_t size, uint32_t capacity) {
    uint8_t *buffer = malloc(capacity > 0 ? capacity : 1);
    nonn_frame_decoder decoder;
    nonn_frame_decoder_init(&decoder, buffer, capacity);
    uint32_t count = 0;
    append_u32(0);
    for (uint32_t i = 0; i < size; i++) {
        const nonn_frame_status status = nonn_frame_decode(&decoder, data[i]);
        if (status == NONN_FRAME_NOTHING) {
            continue;
        }
        count++;
        const uint8_t byte = (uint8_t)status;
        append(&byte, 1);
        if (status == NONN_FRAME_COMPLETE) {
            append_u32(decoder.length);
            append(buffer, decoder.length);
        }
    }
    free(buffer);
    memcpy(out, &count, 4);
}

static void encode(const uint8_t *data, uint32_t size) {
    const size_t start = used;
    append_u32(0);
    const uint32_t header = size / 3;
    nonn_frame_send(data, header, data + header, size - header, append);
    const uint32_t length = (uint32_t)(used - start - 4);
    memcpy(out + start, &length, 4);
}

int main(void) {
    uint32_t head[2];
    while (fread(head, 4, 2, stdin) == 2) {
        uint8_t *data = malloc(head[1] > 0 ? head[1] : 1);
        if (data == NULL || fread(data, 1, head[1], stdin) != head[1]) {
            return 1;
        }
        used = 0;
        decode_all(data, head[1], head[0]);
        encode(data, head[1]);
        free(data);
        if (fwrite(out, 1, used, stdout) != used) {
            return 1;
        }
    }
    return 0;
}
