/* ADD and SUB with broadcasting and a fused activation.
 *
 * The reference brings both inputs to half of the larger scale, 20 bits up. The input of the larger
 * scale is then multiplied by exactly 2^19, so only the other takes a fixed-point multiplication:
 * the code generator passes the former as `wide` and the latter as `narrow`, in either order of the
 * operator's inputs.
 */
#ifndef NONN_KERNELS_ADD_H
#define NONN_KERNELS_ADD_H

#include <stdint.h>

#include "nonn/kernels/broadcast.h"

#define NONN_ADD_LEFT_SHIFT 20

/* A factor of one half or less: multiplier * 2^(-31 - right_shift), multiplier >= 0,
 * 0 <= right_shift <= 31. */
typedef struct {
    int32_t multiplier;
    int32_t right_shift;
} nonn_add_factor;

typedef struct {
    nonn_broadcast walk; /* of wide, narrow */
    int32_t wide_factor; /* 2^19, or -2^19 where wide is subtracted */
    int32_t narrow_sign; /* 1, or -1 where narrow is subtracted */
    int32_t wide_zero_point;
    int32_t narrow_zero_point;
    nonn_add_factor narrow_factor;
    int32_t output_zero_point;
    nonn_add_factor output_factor;          /* to the output scale; below one */
    int32_t activation_min, activation_max; /* in -128..127 */
} nonn_add_params;

/* output = clamp(+-wide +- narrow), requantised. No input may overlap `output`, except that an
 * input of the output's own shape may be `output`. */
void nonn_add(const nonn_add_params *params, const int8_t *wide, const int8_t *narrow,
              int8_t *output);

#endif
