/* ADD and SUB with broadcasting and a fused activation. */
#ifndef NONN_KERNELS_ADD_H
#define NONN_KERNELS_ADD_H

#include <stdint.h>

#include "nonn/kernels/broadcast.h"

/* Both inputs are shifted left by this much before they are brought to a common scale. */
#define NONN_ADD_LEFT_SHIFT 20

/* A factor below one: multiplier * 2^(-31 - right_shift), 0 <= right_shift <= 31. */
typedef struct {
    int32_t multiplier;
    int32_t right_shift;
} nonn_add_factor;

typedef struct {
    nonn_broadcast walk;
    int32_t sign; /* of the second operand: 1 adds, -1 subtracts */
    int32_t input_zero_point[2];
    nonn_add_factor input_factor[2]; /* to half of the larger input scale; at most 0.5 each */
    int32_t output_zero_point;
    nonn_add_factor output_factor; /* from there to the output scale, undoing the left shift */
    int32_t low, high;             /* -128 <= low <= high <= 127 */
} nonn_add_params;

/* output = clamp(input1 + sign * input2), requantised. Neither input may overlap `output`, except
 * that an input of the output's own shape may be `output`. */
void nonn_add(const nonn_add_params *params, const int8_t *input1, const int8_t *input2,
              int8_t *output);

#endif
