/* Fixed-point arithmetic of TensorFlow Lite's reference kernels, double rounding, bit for bit.
 *
 * A real multiplier M > 0 is held as a Q31 `multiplier` in [2^30, 2^31) and a `shift` (positive:
 * left), M = multiplier * 2^(shift - 31). Source: gemmlowp's fixedpoint.h and
 * tensorflow/lite/kernels/internal/common.h (MultiplyByQuantizedMultiplier without
 * TFLITE_SINGLE_ROUNDING). The arithmetic shift right of a negative number is what every compiler
 * for the supported cores does.
 */
#ifndef NONN_FIXED_POINT_H
#define NONN_FIXED_POINT_H

#include <stdint.h>

/* High 32 bits of 2ab, rounded to nearest, ties upwards; saturates a = b = INT32_MIN. gemmlowp adds
 * a nudge that depends on the sign and divides towards zero: the same value for every product, at
 * twice the cost. */
static inline int32_t nonn_doubling_high_mul(int32_t a, int32_t b) {
    if (a == INT32_MIN && b == INT32_MIN) {
        return INT32_MAX;
    }
    return (int32_t)(((int64_t)a * b + (INT64_C(1) << 30)) >> 31);
}

/* x / 2^exponent, rounded to nearest, ties away from zero; 0 <= exponent <= 31. */
static inline int32_t nonn_rounding_shift_right(int32_t x, int exponent) {
    const int32_t mask = (int32_t)((UINT32_C(1) << exponent) - 1u);
    const int32_t remainder = x & mask;
    const int32_t threshold = (mask >> 1) + (x < 0 ? 1 : 0);
    return (x >> exponent) + (remainder > threshold ? 1 : 0);
}

/* nonn_doubling_high_mul for 0 <= multiplier, which never saturates: the result lies strictly
 * between the ends of 32 bits. */
static inline int32_t nonn_scale(int32_t x, int32_t multiplier) {
    return (int32_t)(((int64_t)x * multiplier + (INT64_C(1) << 30)) >> 31);
}

/* nonn_rounding_shift_right for what nonn_scale returns and 1 <= exponent: ties go away from zero
 * because a negative number is first lowered by one. */
static inline int32_t nonn_round_scaled(int32_t x, int exponent) {
    return (((x + (x >> 31)) >> (exponent - 1)) + 1) >> 1;
}

/* x * multiplier * 2^(shift - 31), 0 <= multiplier; the left shift wraps modulo 2^32 as the
 * reference does. */
static inline int32_t nonn_requantize(int32_t x, int32_t multiplier, int shift) {
    if (shift < 0) {
        return nonn_round_scaled(nonn_scale(x, multiplier), -shift);
    }
    return nonn_scale((int32_t)((uint32_t)x << shift), multiplier);
}

/* a + b modulo 2^32, for the output offset: beside a saturated product the sum may leave 32 bits,
 * which the reference leaves to the machine. */
static inline int32_t nonn_wrapping_add(int32_t a, int32_t b) {
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int8_t nonn_clamp_s8(int32_t x, int32_t low, int32_t high) {
    return (int8_t)(x < low ? low : (x > high ? high : x));
}

#endif
