/* A constant border around a tensor of up to five axes: PAD and PADV2.
 *
 * Axes without padding are merged into their outer neighbour. What is left of the input is rows of
 * `row_bytes`, contiguous in both tensors; they land at
 * output[offset + sum(i[k] * stride[k])], 0 <= i[k] < count[k]; leading counts are 1.
 */
#ifndef NONN_KERNELS_PAD_H
#define NONN_KERNELS_PAD_H

#include <stdint.h>

typedef struct {
    int32_t value; /* of the border, in [-128, 127] */
    int32_t output_bytes;
    int32_t offset;
    int32_t count[4], stride[4]; /* outermost first */
    int32_t row_bytes;
} nonn_pad_params;

/* `input` holds count[0] * ... * count[3] * row_bytes values; it does not overlap `output`. */
void nonn_pad(const nonn_pad_params *params, const int8_t *input, int8_t *output);

#endif
