#include "nonn/frame.h"

enum { EMPTY, IN_FRAME, OVERFLOWED };

void nonn_frame_decoder_init(nonn_frame_decoder *decoder, uint8_t *buffer, uint32_t capacity) {
    decoder->buffer = buffer;
    decoder->capacity = capacity;
    decoder->length = 0;
    decoder->left = 0;
    decoder->code = 0;
    decoder->state = EMPTY;
}

static void store(nonn_frame_decoder *decoder, uint8_t byte) {
    if (decoder->length < decoder->capacity) {
        decoder->buffer[decoder->length++] = byte;
    } else {
        decoder->state = OVERFLOWED;
    }
}

/* What the delimiter finds. Leaves `length` as the content's. */
static nonn_frame_status finish(nonn_frame_decoder *decoder) {
    if (decoder->state == EMPTY) {
        return NONN_FRAME_NOTHING;
    }
    if (decoder->state == OVERFLOWED) {
        return NONN_FRAME_TOO_LONG;
    }
    if (decoder->left != 0) {
        return NONN_FRAME_BAD_COBS;
    }
    if (decoder->length < NONN_FRAME_MIN + NONN_CRC_BYTES) {
        return NONN_FRAME_TOO_SHORT;
    }
    decoder->length -= NONN_CRC_BYTES;
    const uint8_t *sent = decoder->buffer + decoder->length;
    const uint32_t expected = (uint32_t)sent[0] | (uint32_t)sent[1] << 8 | (uint32_t)sent[2] << 16 |
                              (uint32_t)sent[3] << 24;
    const uint32_t actual = nonn_crc32(0, decoder->buffer, decoder->length);
    return actual == expected ? NONN_FRAME_COMPLETE : NONN_FRAME_BAD_CRC;
}

nonn_frame_status nonn_frame_decode(nonn_frame_decoder *decoder, uint8_t byte) {
    if (byte == 0) {
        const nonn_frame_status status = finish(decoder);
        decoder->state = EMPTY;
        return status;
    }
    if (decoder->state == EMPTY) {
        decoder->state = IN_FRAME;
        decoder->length = 0;
        decoder->code = 0xFF; /* no zero stands before the first block */
        decoder->left = 0;
    }
    if (decoder->state == OVERFLOWED) {
        return NONN_FRAME_NOTHING;
    }
    if (decoder->left > 0) {
        decoder->left--;
        store(decoder, byte);
        return NONN_FRAME_NOTHING;
    }
    if (decoder->code != 0xFF) {
        store(decoder, 0); /* the zero that ended the block before */
    }
    decoder->code = byte;
    decoder->left = (uint8_t)(byte - 1);
    return NONN_FRAME_NOTHING;
}
