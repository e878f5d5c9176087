/* Four neighbouring channels of a pixel at a time, in one word. */
#ifndef NONN_KERNELS_DSP_QUAD_H
#define NONN_KERNELS_DSP_QUAD_H

#include <stdint.h>
#include <string.h>

#include "nonn/target.h"

#if NONN_TARGET_DSP

static inline uint32_t nonn_quad(const int8_t *pixel) {
    uint32_t word;
    memcpy(&word, pixel, sizeof word);
    return word;
}

/* Sums of channels 0 and 2, 1 and 3 as int16: of at most 256 pixels. */
typedef struct {
    uint32_t even, odd;
} nonn_quad_sums;

static inline nonn_quad_sums nonn_quad_add(nonn_quad_sums sums, uint32_t word) {
    __asm__("sxtab16 %0, %0, %1" : "+r"(sums.even) : "r"(word));
    __asm__("sxtab16 %0, %0, %1, ror #8" : "+r"(sums.odd) : "r"(word));
    return sums;
}

/* Adds `count` pixels, `step` bytes apart; count >= 1. */
static inline nonn_quad_sums nonn_quad_add_run(nonn_quad_sums sums, const int8_t *pixel,
                                               int32_t step, int32_t count) {
    for (; count >= 4; count -= 4) {
        sums = nonn_quad_add(sums, nonn_quad(pixel));
        pixel += step;
        sums = nonn_quad_add(sums, nonn_quad(pixel));
        pixel += step;
        sums = nonn_quad_add(sums, nonn_quad(pixel));
        pixel += step;
        sums = nonn_quad_add(sums, nonn_quad(pixel));
        pixel += step;
    }
    for (; count > 0; --count) {
        sums = nonn_quad_add(sums, nonn_quad(pixel));
        pixel += step;
    }
    return sums;
}

/* One channel's sum. */
static inline int32_t nonn_quad_sum(nonn_quad_sums sums, int32_t channel) {
    const int32_t pair = (int32_t)(channel % 2 == 0 ? sums.even : sums.odd);
    return channel < 2 ? (int16_t)pair : pair >> 16;
}

/* The greater of each two bytes. */
static inline uint32_t nonn_quad_max(uint32_t a, uint32_t b) {
    uint32_t result;
    __asm__(
        "ssub8 %0, %1, %2\n\t"
        "sel %0, %1, %2"
        : "=&r"(result)
        : "r"(a), "r"(b)
        : "cc");
    return result;
}

#endif

#endif
