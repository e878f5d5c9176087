/* Frames on the wire: 0x00, COBS(content, CRC-32 of content little endian), 0x00. Described in
 * docs/protocol.md.
 *
 * The CRC is zlib's (polynomial 0x04C11DB7 reflected, initial value and final XOR 0xFFFFFFFF). The
 * decoder takes one byte at a time into a buffer of the caller's and resynchronises at the next
 * 0x00, whatever came before.
 */
#ifndef NONN_FRAME_H
#define NONN_FRAME_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NONN_CRC_BYTES 4u
/* The shortest content: a request's header. Anything shorter is noise. */
#define NONN_FRAME_MIN 4u

/* Reported once for each run of bytes between two delimiters, at the second one; an empty run is
 * nothing. Where several apply, the first in this order is reported. */
typedef enum {
    NONN_FRAME_NOTHING = 0, /* not at the end of anything yet */
    NONN_FRAME_COMPLETE,    /* the content is in the buffer */
    NONN_FRAME_TOO_LONG,    /* content and CRC do not fit the buffer */
    NONN_FRAME_BAD_COBS,    /* the delimiter came in the middle of a block */
    NONN_FRAME_TOO_SHORT,   /* less than NONN_FRAME_MIN and a CRC */
    NONN_FRAME_BAD_CRC
} nonn_frame_status;

typedef struct {
    uint8_t *buffer;
    uint32_t capacity; /* of buffer: longest content + NONN_CRC_BYTES */
    uint32_t length;   /* after NONN_FRAME_COMPLETE: bytes of content */
    uint8_t left;      /* bytes to come in this block */
    uint8_t code;      /* this block's code */
    uint8_t state;     /* of the decoder, private */
} nonn_frame_decoder;

/* `buffer` belongs to the decoder until it is no longer used. */
void nonn_frame_decoder_init(nonn_frame_decoder *decoder, uint8_t *buffer, uint32_t capacity);

/* After NONN_FRAME_COMPLETE buffer[0 .. length-1] is the content, until the next call. */
nonn_frame_status nonn_frame_decode(nonn_frame_decoder *decoder, uint8_t byte);

/* Sends header and body, one after the other, as the content of one frame, by calls of
 * write(data, 1..64 bytes). */
void nonn_frame_send(const void *header, uint32_t header_size, const void *body, uint32_t body_size,
                     void (*write)(const uint8_t *data, size_t size));

/* CRC-32 of what `crc` was computed over followed by `size` more bytes; start with 0. */
uint32_t nonn_crc32(uint32_t crc, const void *data, size_t size);

#ifdef __cplusplus
}
#endif

#endif
