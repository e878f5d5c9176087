/* The inner loop that convolutions and dense layers share. */
#ifndef NONN_KERNELS_DOT_H
#define NONN_KERNELS_DOT_H

#include <stdint.h>

/* The sum of weights[i] * (in[i] + offset) over 0 <= i < count; it must fit 32 bits. */
int32_t nonn_dot(const int8_t *in, const int8_t *weights, int32_t count, int32_t offset);

#endif
