#include <stdbool.h>

#include "nonn/frame.h"

#define STAGE_BYTES 64u
#define LONGEST_RUN 254u

typedef struct {
    const uint8_t *data;
    uint32_t size;
} piece;

/* A place in a row of pieces. */
typedef struct {
    const piece *in;
    uint32_t at;
    uint32_t left; /* in this piece and all that follow */
} cursor;

/* c->left must not be 0. */
static uint8_t next(cursor *c) {
    while (c->at == c->in->size) {
        c->in++;
        c->at = 0;
    }
    c->left--;
    return c->in->data[c->at++];
}

/* Small writes are slow where each is a packet or a system call. */
typedef struct {
    void (*write)(const uint8_t *data, size_t size);
    uint32_t used;
    uint8_t data[STAGE_BYTES];
} stage;

static void put(stage *s, uint8_t byte) {
    s->data[s->used++] = byte;
    if (s->used == STAGE_BYTES) {
        s->write(s->data, s->used);
        s->used = 0;
    }
}

/* How many bytes that are not 0 follow, 254 at most. */
static uint32_t run_length(cursor c) {
    uint32_t run = 0;
    while (run < LONGEST_RUN && c.left > 0 && next(&c) != 0) {
        run++;
    }
    return run;
}

static void send_cobs(stage *s, cursor c) {
    bool more = true;
    while (more) {
        const uint32_t run = run_length(c);
        put(s, (uint8_t)(run + 1));
        for (uint32_t i = 0; i < run; i++) {
            put(s, next(&c));
        }
        more = c.left > 0;
        if (more && run < LONGEST_RUN) {
            (void)next(&c); /* the 0 that the code stands for; one at the very end needs a block
                               after it */
        }
    }
}

void nonn_frame_send(const void *header, uint32_t header_size, const void *body, uint32_t body_size,
                     void (*write)(const uint8_t *data, size_t size)) {
    const uint32_t crc = nonn_crc32(nonn_crc32(0, header, header_size), body, body_size);
    const uint8_t crc_bytes[NONN_CRC_BYTES] = {(uint8_t)crc, (uint8_t)(crc >> 8),
                                               (uint8_t)(crc >> 16), (uint8_t)(crc >> 24)};
    const piece pieces[] = {{header, header_size}, {body, body_size}, {crc_bytes, NONN_CRC_BYTES}};
    const cursor content = {pieces, 0, header_size + body_size + NONN_CRC_BYTES};
    stage s;
    s.write = write;
    s.used = 0;
    put(&s, 0);
    send_cobs(&s, content);
    put(&s, 0);
    if (s.used > 0) {
        write(s.data, s.used);
    }
}
