/* Convolution of one NHWC image with OHWI filters, int8, zero padding at the input's zero point.
 *
 * output[y][x][o] = clamp(requantize(bias[o] + products) + output_offset), where
 * products = the sum of weights[o][ky][kx][c] * (input[iy][ix][g * kernel_c + c] + input_offset),
 * iy = y * stride_h - pad_h + ky * dilation_h, likewise ix; positions outside the image add
 * nothing. Groups: in_c / kernel_c of them, each with out_c / groups filters. The sums fit 32 bits:
 * the generator refuses others. Bit for bit TensorFlow Lite Micro's reference ConvPerChannel.
 */
#ifndef NONN_KERNELS_CONV_2D_H
#define NONN_KERNELS_CONV_2D_H

#include <stdint.h>

#include "nonn/kernels/dot.h"

typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h, kernel_w, kernel_c;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_h, pad_w; /* above and left; below and right follow from the sizes */
    int16_t input_offset;  /* minus the input's zero point */
    int16_t output_offset; /* the output's zero point */
    int8_t activation_min, activation_max;
    const int8_t *weights;     /* [out_c][kernel_h][kernel_w][kernel_c] */
    const int32_t *bias;       /* [out_c] or NULL */
    const int32_t *multiplier; /* [out_c], see nonn/fixed_point.h */
    const int8_t *shift;       /* [out_c] */
} nonn_conv_2d_params;

/* `input` holds in_h * in_w * in_c values, `output` out_h * out_w * out_c, `scratch`
 * NONN_DOT_COLUMNS * kernel_h * kernel_w * kernel_c of int16_t. The windows of that many
 * positions, one after the other, are read before any of their outputs is written (with groups:
 * those of one group), so `output` may overlap `input` from below. */
void nonn_conv_2d(const nonn_conv_2d_params *params, const int8_t *input, int8_t *output,
                  void *scratch);

#endif
