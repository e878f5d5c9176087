/* Copying values into a panel of nonn/kernels/helium_tile.h. */
#ifndef NONN_HELIUM_PANEL_H
#define NONN_HELIUM_PANEL_H

#include <arm_mve.h>
#include <stdint.h>

#include "nonn/kernels/helium_tile.h"

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

/* The same for the four pixels of a tile: they lie `pitch` bytes apart, `bytes` of each are copied.
 */
static inline int8_t *nonn_helium_copy_4(int8_t *chunk, const int8_t *from, uint32_t pitch,
                                         uint32_t bytes) {
    const int8_t *second = from + pitch;
    const int8_t *third = second + pitch;
    const int8_t *fourth = third + pitch;
    __asm volatile(
        "dlstp.8 lr, %5\n"
        "1:\n"
        "vldrb.u8 q0, [%1], #16\n"
        "vldrb.u8 q1, [%2], #16\n"
        "vstrb.8 q0, [%0], #16\n"
        "vldrb.u8 q2, [%3], #16\n"
        "vstrb.8 q1, [%0], #16\n"
        "vldrb.u8 q3, [%4], #16\n"
        "vstrb.8 q2, [%0], #16\n"
        "vstrb.8 q3, [%0], #16\n"
        "letp lr, 1b\n"
        : "+r"(chunk), "+r"(from), "+r"(second), "+r"(third), "+r"(fourth)
        : "r"(bytes)
        : "lr", "q0", "q1", "q2", "q3", "memory");
    return chunk;
}

/* Fills `bytes` (at least 1) with one value. */
static inline void nonn_helium_set(int8_t *to, int8_t value, uint32_t bytes) {
    const int8x16_t values = vdupq_n_s8(value);
    __asm volatile(
        "dlstp.8 lr, %1\n"
        "1:\n"
        "vstrb.8 %q2, [%0], #16\n"
        "letp lr, 1b\n"
        : "+r"(to)
        : "r"(bytes), "w"(values)
        : "lr", "memory");
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
