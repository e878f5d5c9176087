/* Convolution of one NHWC image on cores with the DSP extension: nonn_conv_2d without groups.
 *
 * Three pixels are computed at a time, all channels: their windows are widened to 16 bits in
 * `scratch`, padding included, then multiplied with two filters at once. Output is written only
 * after the windows that it was computed from are read, so it may overlap the input where the
 * generator says so. Source of the arithmetic: nonn/kernels/conv_2d.h; the generator proves for
 * each layer that the sums and the requantisation give the same (codegen/kernels/conv_dsp.py).
 */
#ifndef NONN_KERNELS_CONV_DSP_H
#define NONN_KERNELS_CONV_DSP_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_h, pad_w;
    uint16_t pairs;       /* of taps in a filter, each run of taps padded to an even number */
    int8_t zero_point;    /* of the input: what the padding holds */
    int8_t output_offset; /* the output's zero point */
    uint8_t away;         /* 1: requantise in the short form, 0: along a straight line */
    int8_t activation_min, activation_max;
    /* For each two filters `pairs` words of weights, with the starts of two sums behind the first
     * (pairs - 1) % 3 + 1 of them, then constants. Straight line, see
     * codegen/kernels/line_requantize.py: multiplier and addend of both; the first start is that of
     * the first filter, which is scaled by 2^8, and of the second, which is not. Short form, see
     * kernels/dsp/requantize_dsp.h, no starts: for each filter twice the bias with the input's
     * offset folded in, multiplier, shift less one. */
    const uint32_t *weights;
} nonn_conv_dsp_params;

/* `input` holds in_h * in_w * in_c values, `output` out_h * out_w * out_c. `scratch` holds three
 * pixels' widened windows, 12 * pairs bytes, and if not all windows lie inside the image without
 * gaps between their columns, the three as they are, kernel_h * kernel_w * in_c bytes each,
 * rounded up to words. */
void nonn_conv_dsp(const nonn_conv_dsp_params *params, const int8_t *input, int8_t *output,
                   void *scratch);

#endif
