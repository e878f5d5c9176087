/* Mean over any set of axes, requantised.
 *
 * The code generator sorts the input's axes into those the output keeps and those that are summed,
 * merges neighbours of a kind, and pads each list with extents of 1; six axes never need more than
 * three of each. The 1/n of the mean is folded into the multiplier.
 * output is int8, the kept axes in order; at most 2^23 elements are summed into one.
 */
#ifndef NONN_KERNELS_MEAN_H
#define NONN_KERNELS_MEAN_H

#include <stdint.h>

typedef struct {
    int32_t kept_count[3]; /* outermost first */
    int32_t kept_stride[3];
    int32_t summed_count[3];
    int32_t summed_stride[3];
    int32_t sum_offset; /* -(input zero point) * elements summed */
    int32_t multiplier; /* Q31; below 2^30 when n is no power of two */
    int32_t shift;      /* in [-31, 30] */
    int32_t output_zero_point;
} nonn_mean_params;

void nonn_mean(const nonn_mean_params *params, const int8_t *input, int8_t *output);

#endif
