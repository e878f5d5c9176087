/* Matrix product, int8: each of `rows` input rows of `depth` values makes `units` outputs.
 *
 * output[r][u] = clamp(requantize(bias[u] + sum w[u][d] * input[r][d]) + output_offset): the bias
 * has the input's offset, times the sum of the unit's weights. No sum on the way leaves 32 bits:
 * the generator refuses others. Bit for bit TensorFlow Lite Micro's reference FullyConnected and
 * FullyConnectedPerChannel.
 */
#ifndef NONN_KERNELS_FULLY_CONNECTED_H
#define NONN_KERNELS_FULLY_CONNECTED_H

#include <stdint.h>

typedef struct {
    uint32_t rows, depth, units;
    uint16_t per_unit;     /* 1: multiplier and shift have one entry per unit, 0: one for all */
    int16_t input_offset;  /* 0: it is in the bias */
    int16_t output_offset; /* the output's zero point */
    int8_t activation_min, activation_max;
    const int8_t *weights;     /* [units][depth] */
    const int32_t *bias;       /* [units] */
    const int32_t *multiplier; /* see nonn/fixed_point.h */
    const int8_t *shift;
} nonn_fully_connected_params;

/* `input` holds rows * depth values, `output` rows * units. It may overlap `input` from below, so
 * that no row is written over one that is still to be read, itself included. */
void nonn_fully_connected(const nonn_fully_connected_params *params, const int8_t *input,
                          int8_t *output);

#endif
