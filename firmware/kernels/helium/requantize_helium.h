/* Requantisation of int32 sums to int8 with Helium, bit for bit nonn_requantize of
 * nonn/fixed_point.h with the output's offset and limits.
 *
 * A vector holds four sums of one channel (four pixels), so that the channel's constants are
 * scalars. The generator folds the input's offset into the bias, proves the conditions below from
 * the weights (codegen/kernels/helium_requantize.py) and stores three words per channel.
 *
 * Why exact: VQRDMULH is the reference's doubling high multiply. Its rounding shift goes away from
 * zero on ties, VRSHL's upwards; subtracting 1 from a negative number first makes them the same for
 * shifts of 1 and more. VQDMLAH does that: it adds the high word of twice the product with a
 * scalar, which is -1 for a negative and 0 for another x as long as 2 * |x| * scalar <= 2^32. One
 * word serves as this scalar and, by its low byte alone, as VRSHL's shift: 256 - s for a right
 * shift of s >= 1 (below 256, low byte -s), 0 for none (nothing is subtracted). An x beyond 2^23
 * may get more than 1 subtracted; the generator sees to it that such an x saturates to int8 with
 * and without.
 */
#ifndef NONN_HELIUM_REQUANTIZE_HELIUM_H
#define NONN_HELIUM_REQUANTIZE_HELIUM_H

#include <arm_mve.h>
#include <stdint.h>

typedef struct {
    int32_t bias;       /* added to the raw sum of products, modulo 2^32 */
    int32_t multiplier; /* Q31, see nonn/fixed_point.h */
    int32_t shift;      /* as above */
} nonn_helium_channel;

/* Sums, bias included, to outputs before the offset. */
static inline int32x4_t nonn_helium_scale(int32x4_t sums, int32_t multiplier, int32_t shift) {
    const int32x4_t x = vqrdmulhq_n_s32(sums, multiplier);
    return vrshlq_n_s32(vqdmlahq_n_s32(x, x, shift), shift);
}

/* Narrows four vectors: byte c of word p of the result is lane p of vector c. With a channel in
 * each vector and a pixel in each lane one VSTRW scatter writes all. `offset` is the output's,
 * `low` and `high` are its limits. */
static inline int8x16_t nonn_helium_narrow(int32x4_t a, int32x4_t b, int32x4_t c, int32x4_t d,
                                           int16_t offset, int8_t low, int8_t high) {
    int16x8_t even = vqmovntq_s32(vqmovnbq_s32((int16x8_t)a, a), c);
    int16x8_t odd = vqmovntq_s32(vqmovnbq_s32((int16x8_t)b, b), d);
    even = vqaddq_n_s16(even, offset);
    odd = vqaddq_n_s16(odd, offset);
    const int8x16_t narrow = vqmovntq_s16(vqmovnbq_s16((int8x16_t)even, even), odd);
    return vminq_s8(vmaxq_s8(narrow, vdupq_n_s8(low)), vdupq_n_s8(high));
}

#endif
