/* MUL with broadcasting and a fused activation. */
#ifndef NONN_KERNELS_MUL_H
#define NONN_KERNELS_MUL_H

#include <stdint.h>

#include "nonn/kernels/broadcast.h"

typedef struct {
    nonn_broadcast walk;
    int32_t input_zero_point[2];
    int32_t multiplier; /* input scale * input scale / output scale, see nonn_requantize */
    int32_t shift;      /* at most 15, so that no product of the inputs overflows */
    int32_t output_zero_point;
    int32_t activation_min, activation_max; /* in -128..127 */
} nonn_mul_params;

/* output = clamp(input1 * input2), requantised. Neither input may overlap `output`, except that
 * `output` may be, or start below, an input of its own shape. */
void nonn_mul(const nonn_mul_params *params, const int8_t *input1, const int8_t *input2,
              int8_t *output);

#endif
