/* Gathers a strided view of a tensor of up to five axes: a transposition, a slice, a reversal.
 *
 * output, contiguous, holds input[offset + sum(i[k] * stride[k])] for i[k] < count[k], the last
 * axis fastest. Strides are in elements and may be negative or zero; leading extents are 1. The
 * code generator guarantees that every index lies inside the input.
 */
#ifndef NONN_KERNELS_STRIDED_COPY_H
#define NONN_KERNELS_STRIDED_COPY_H

#include <stdint.h>

typedef struct {
    int32_t offset;
    int32_t count[5]; /* outermost first */
    int32_t stride[5];
} nonn_strided_copy_params;

void nonn_strided_copy(const nonn_strided_copy_params *params, const int8_t *input, int8_t *output);

#endif
