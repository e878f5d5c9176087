/* Mean over any set of axes, requantised.
 *
 * The input's axes are sorted into those that the output keeps and those that are summed;
 * neighbours of a kind are merged, and leading counts are 1. Six axes never need more than three of
 * each. The division by the number of elements is part of the multiplier.
 */
#ifndef NONN_KERNELS_MEAN_H
#define NONN_KERNELS_MEAN_H

#include <stdint.h>

typedef struct {
    int32_t kept_count[3], kept_stride[3]; /* outermost first; strides in elements of the input */
    int32_t summed_count[3], summed_stride[3]; /* at most 2^23 elements in all */
    int32_t sum_offset;                        /* -(input zero point) * elements summed */
    int32_t multiplier;                        /* Q31, at least 2^29 unless 0 or shift is -31 */
    int32_t shift;                             /* in [-31, 31] */
    int32_t output_zero_point;
} nonn_mean_params;

/* `output` holds the kept axes in order. Each element is written once its own are read, so it may
 * overlap `input` from below. */
void nonn_mean(const nonn_mean_params *params, const int8_t *input, int8_t *output);

#endif
