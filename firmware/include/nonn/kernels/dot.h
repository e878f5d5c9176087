/* The inner loops that convolutions and dense layers share. Every sum must fit 32 bits. */
#ifndef NONN_KERNELS_DOT_H
#define NONN_KERNELS_DOT_H

#include <stdint.h>

/* The sum of weights[i] * (input[i] + offset) over 0 <= i < count. */
int32_t nonn_dot(const int8_t *input, const int8_t *weights, int32_t count, int32_t offset);

/* Adds to sums[k], k < 4, the same with the weights that lie k * stride further on. */
void nonn_dot_4(const int8_t *input, const int8_t *weights, int32_t stride, int32_t count,
                int32_t offset, int32_t *sums);

#endif
