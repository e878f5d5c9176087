/* Any function of one int8: LOGISTIC, TANH, HARD_SWISH, RELU, RELU6, LEAKY_RELU, QUANTIZE. */
#ifndef NONN_KERNELS_LUT_H
#define NONN_KERNELS_LUT_H

#include <stdint.h>

typedef struct {
    const int8_t *table; /* [256]: the outputs for -128, -127, ..., 127 */
    int32_t count;       /* elements of the tensor */
} nonn_lut_params;

/* output[i] = table[128 + input[i]]; `output` may be `input`, or start below it. */
void nonn_lut(const nonn_lut_params *params, const int8_t *input, int8_t *output);

#endif
