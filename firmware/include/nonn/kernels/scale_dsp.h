/* Depthwise convolution of single pixels, one filter per channel, on the DSP extension.
 *
 * output[p][c] = saturate(sum >> 16), sum = (factor[c] * input[p][c] >> 8) + start[c], each product
 * of 40 bits shifted to 32 by one SMLAW. The code generator takes this kernel where it has found
 * numbers that give nonn_depthwise_conv_2d's output for each of the 256 inputs of every channel,
 * without a sum beyond 32 bits. 128 << 16 is then added to each start: the kernel saturates to
 * 0..255 and flips the highest bits.
 */
#ifndef NONN_KERNELS_SCALE_DSP_H
#define NONN_KERNELS_SCALE_DSP_H

#include <stdint.h>

typedef struct {
    int32_t pixels, channels; /* channels: a multiple of 4 */
    const int32_t *weights;   /* [channels / 4][8]: factors of four channels, their starts */
} nonn_scale_dsp_params;

/* `input` and `output` [pixels][channels], at multiples of 4; `output` may be `input` or start
 * below it. */
void nonn_scale_dsp(const nonn_scale_dsp_params *params, const int8_t *input, int8_t *output);

#endif
