/* Copying values into a panel of nonn/kernels/helium_tile.h. */
#ifndef NONN_HELIUM_PANEL_H
#define NONN_HELIUM_PANEL_H

#include <arm_mve.h>
#include <stdint.h>

#define NONN_HELIUM_CHUNK 64 /* bytes from one chunk of a pixel to the next */

/* Copies `bytes` (at least 1) to one pixel's chunks; what fills up the last one stays as it was.
 * Returns where its next chunk begins. */
static inline int8_t *nonn_helium_copy(int8_t *chunk, const int8_t *from, uint32_t bytes) {
    __asm volatile(
        "dlstp.8 lr, %2\n"
        "1:\n"
        "vldrb.u8 q0, [%1], #16\n"
        "vstrb.8 q0, [%0], #64\n"
        "letp lr, 1b\n"
        : "+r"(chunk), "+r"(from)
        : "r"(bytes)
        : "lr", "q0", "memory");
    return chunk;
}

/* The same for the four pixels of each of `tiles` tiles (at least 1): pixels lie `pitch` bytes
 * apart, `bytes` of each are copied, and a tile's panel lies right behind the one before it.
 * Returns where the next one begins. */
static inline int8_t *nonn_helium_copy_tiles(int8_t *panel, const int8_t *from, uint32_t pitch,
                                             uint32_t bytes, uint32_t tiles) {
    const int8_t *second = from + pitch;
    const int8_t *third = second + pitch;
    const int8_t *fourth = third + pitch;
    __asm volatile(
        "1:\n"
        "dlstp.8 lr, %6\n"
        "2:\n"
        "vldrb.u8 q0, [%1], #16\n"
        "vldrb.u8 q1, [%2], #16\n"
        "vstrb.8 q0, [%0], #16\n"
        "vldrb.u8 q2, [%3], #16\n"
        "vstrb.8 q1, [%0], #16\n"
        "vldrb.u8 q3, [%4], #16\n"
        "vstrb.8 q2, [%0], #16\n"
        "vstrb.8 q3, [%0], #16\n"
        "letp lr, 2b\n"
        "subs %5, %5, #1\n"
        "add %1, %1, %7\n"
        "add %2, %2, %7\n"
        "add %3, %3, %7\n"
        "add %4, %4, %7\n"
        "bne 1b\n"
        : "+r"(panel), "+r"(from), "+r"(second), "+r"(third), "+r"(fourth), "+r"(tiles)
        : "r"(bytes), "r"(4 * pitch - (bytes + 15) / 16 * 16)
        : "lr", "q0", "q1", "q2", "q3", "cc", "memory");
    return panel;
}

/* One pixel again, of one value over and over. */
static inline int8_t *nonn_helium_fill(int8_t *chunk, int8_t value, uint32_t bytes) {
    const int8x16_t values = vdupq_n_s8(value);
    for (uint32_t done = 0; done < bytes; done += 16, chunk += NONN_HELIUM_CHUNK) {
        vst1q_s8(chunk, values);
    }
    return chunk;
}

static inline int8_t *nonn_helium_fill_4(int8_t *chunk, int8_t value, uint32_t bytes) {
    const int8x16_t values = vdupq_n_s8(value);
    for (uint32_t done = 0; done < 4 * bytes; done += 16, chunk += 16) {
        vst1q_s8(chunk, values);
    }
    return chunk;
}

#endif
