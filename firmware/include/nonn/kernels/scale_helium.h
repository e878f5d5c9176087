/* Depthwise convolution of single pixels, one filter per channel, on Helium.
 *
 * output[p][c] = clamp((factor[c] * input[p][c] + start[c]) >> 16), where the sum fits 32 bits. The
 * code generator takes this kernel where it has found numbers that give nonn_depthwise_conv_2d's
 * output for each of the 256 inputs of every channel. The shift rounds: the half that it adds is
 * taken off each start.
 */
#ifndef NONN_KERNELS_SCALE_HELIUM_H
#define NONN_KERNELS_SCALE_HELIUM_H

#include <stdint.h>

typedef struct {
    int32_t pixels, channels;
    int8_t activation_min, activation_max;
    /* [groups of 8 channels][16]: factors of even channels, of odd ones, their starts likewise;
     * the last group is filled up. */
    const int32_t *weights;
} nonn_scale_helium_params;

/* `input` and `output` [pixels][channels]; `output` may be `input` or start below it. */
void nonn_scale_helium(const nonn_scale_helium_params *params, const int8_t *input, int8_t *output);

#endif
