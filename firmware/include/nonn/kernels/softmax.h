/* SOFTMAX over the last dimension, int8 to int8 (scale 1/256, zero point -128), in integers. */
#ifndef NONN_KERNELS_SOFTMAX_H
#define NONN_KERNELS_SOFTMAX_H

#include <stdint.h>

#define NONN_SOFTMAX_MAX_DEPTH 4095 /* the sum of a row's exponentials has 12 integer bits */

typedef struct {
    const int32_t
        *exp;          /* [exp_count]: exp(-beta * scale * d) in Q0.31, d = row's maximum - input */
    int32_t exp_count; /* from this difference on, an exponential adds nothing to the sum */
    int32_t rows;
    int32_t depth; /* 1 .. NONN_SOFTMAX_MAX_DEPTH */
} nonn_softmax_params;

/* `output` may be `input`, or start below it. */
void nonn_softmax(const nonn_softmax_params *params, const int8_t *input, int8_t *output);

#endif
