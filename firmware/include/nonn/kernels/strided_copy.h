/* Gathers a strided view of a tensor of up to five axes: TRANSPOSE and STRIDED_SLICE.
 *
 * output[i[0]][i[1]]...[i[4]] = input[offset + sum(i[k] * stride[k])], 0 <= i[k] < count[k].
 * Strides are in elements and may be negative; leading counts are 1. The generator guarantees that
 * every index lies inside the input.
 */
#ifndef NONN_KERNELS_STRIDED_COPY_H
#define NONN_KERNELS_STRIDED_COPY_H

#include <stdint.h>

typedef struct {
    int32_t offset;
    int32_t count[5], stride[5]; /* outermost first */
} nonn_strided_copy_params;

/* `output` is contiguous, the last axis fastest; it does not overlap `input`. */
void nonn_strided_copy(const nonn_strided_copy_params *params, const int8_t *input, int8_t *output);

#endif
