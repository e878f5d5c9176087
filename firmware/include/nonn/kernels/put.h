/* Sums become outputs: what convolutions and dense layers end with. */
#ifndef NONN_KERNELS_PUT_H
#define NONN_KERNELS_PUT_H

#include <stdint.h>

/* How a layer's sums are scaled, and how many positions of each channel are at hand. */
typedef struct {
    const int32_t *bias;       /* per channel, or NULL */
    const int32_t *multiplier; /* per channel, see nonn/fixed_point.h */
    const int8_t *shift;       /* per channel */
    int32_t offset;            /* the output's zero point */
    int32_t low, high;         /* in -128..127 */
    int32_t columns;           /* positions */
    int32_t sums_step;         /* from the first sum of a channel to that of the next */
    int32_t output_step;       /* from an output to that of the next position */
} nonn_scaling;

/* `channels` channels from `channel` on, whose sums and outputs follow each other:
 * output[k + c * output_step] = clamp(requantize(bias + sums[k * sums_step + c]) + offset). */
void nonn_put(const nonn_scaling *scaling, int32_t channel, int32_t channels, const int32_t *sums,
              int8_t *output);

/* The same for one position, whose sums follow each other: columns and steps do not count. */
void nonn_put_channels(const nonn_scaling *scaling, int32_t channel, int32_t channels,
                       const int32_t *sums, int8_t *output);

#endif
