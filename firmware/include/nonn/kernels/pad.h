/* A constant border around a tensor of up to five axes.
 *
 * The code generator merges axes without padding into their outer neighbour and describes where the
 * input's rows land: output[offset + sum(i[k] * stride[k])] for i[k] < count[k]; leading extents
 * are 1. Each row is `row_bytes` contiguous bytes in both tensors.
 */
#ifndef NONN_KERNELS_PAD_H
#define NONN_KERNELS_PAD_H

#include <stdint.h>

typedef struct {
    int32_t value; /* what the border holds, in [-128, 127] */
    int32_t output_bytes;
    int32_t offset;
    int32_t count[4]; /* of the input, outermost first */
    int32_t stride[4];
    int32_t row_bytes;
} nonn_pad_params;

void nonn_pad(const nonn_pad_params *params, const int8_t *input, int8_t *output);

#endif
