/* Depthwise convolution of single pixels, one filter per channel: a line for each channel.
 *
 * output[p][c] = clamp((factor[c] * input[p][c] + start[c]) >> NONN_SCALE_LINEAR_SHIFT), where the
 * sum fits 32 bits. This is what a batch normalisation becomes that follows no convolution. The
 * code generator takes this kernel where it has found numbers that give nonn_depthwise_conv_2d's
 * output for each of the 256 inputs of every channel.
 */
#ifndef NONN_KERNELS_SCALE_LINEAR_H
#define NONN_KERNELS_SCALE_LINEAR_H

#include <stdint.h>

#define NONN_SCALE_LINEAR_SHIFT 16

typedef struct {
    int32_t pixels, channels;
    int32_t activation_min, activation_max; /* in -128..127 */
    const int32_t *weights;                 /* [channels][2]: factor, start */
} nonn_scale_linear_params;

/* `input` and `output` [pixels][channels]; `output` may be `input` or start below it. */
void nonn_scale_linear(const nonn_scale_linear_params *params, const int8_t *input, int8_t *output);

#endif
