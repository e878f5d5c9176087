/* Requantisation in three or four instructions, from a doubled sum.
 *
 * `twice` is twice the sum, bias included; multiplier, addend and shift are those that
 * codegen/kernels/short_requantize.py makes, which also proves for each layer that the form it
 * chose is nonn_requantize() plus the output's zero point, saturated to int8. A narrower activation
 * range is clamped to afterwards, with nonn_clamp_run() or by the kernel itself.
 */
#ifndef NONN_KERNELS_DSP_REQUANTIZE_DSP_H
#define NONN_KERNELS_DSP_REQUANTIZE_DSP_H

#include <stdint.h>

#include "nonn/target.h"

#if NONN_TARGET_DSP

/* addend + the high 32 bits of a * b, rounded to nearest, ties upwards. */
static inline int32_t nonn_smmlar(int32_t a, int32_t b, int32_t addend) {
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(addend));
    return result;
}

static inline int32_t nonn_saturate_s8(int32_t x) {
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(x));
    return result;
}

/* Ties upwards: for layers that clamp everything below the zero point. */
static inline int32_t nonn_requantize_up(int32_t twice, int32_t multiplier, int32_t addend,
                                         int32_t shift) {
    return nonn_saturate_s8(nonn_smmlar(twice, multiplier, addend) >> shift);
}

/* Ties away from zero, as the reference rounds; shift >= 1. */
static inline int32_t nonn_requantize_away(int32_t twice, int32_t multiplier, int32_t addend,
                                           int32_t shift) {
    return nonn_requantize_up(twice, multiplier, addend + (twice >> 31), shift);
}

/* Clamps `count` bytes to an activation range that is narrower than int8. */
static inline void nonn_clamp_run(int8_t *values, int32_t count, int8_t low, int8_t high) {
    for (int32_t i = 0; i < count; ++i) {
        const int8_t value = values[i];
        values[i] = value < low ? low : (value > high ? high : value);
    }
}

#endif

#endif
