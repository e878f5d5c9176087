/* nonn_mean over all pixels of an image, on the DSP extension: four channels at a time.
 *
 * Takes at most 256 pixels, so that a sum fits 16 bits.
 */
#ifndef NONN_KERNELS_MEAN_DSP_H
#define NONN_KERNELS_MEAN_DSP_H

#include <stdint.h>

typedef struct {
    int32_t pixels, channels;  /* at most 256; a multiple of 4 */
    int32_t sum_offset;        /* -(input zero point) * pixels */
    int32_t multiplier, shift; /* as those of nonn_mean */
    int32_t output_zero_point;
} nonn_mean_dsp_params;

/* `input` [pixels][channels], `output` [channels]; `output` may be `input`. */
void nonn_mean_dsp(const nonn_mean_dsp_params *params, const int8_t *input, int8_t *output);

#endif
