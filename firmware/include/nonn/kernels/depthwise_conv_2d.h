/* Depthwise convolution of one NHWC image, int8, zero padding at the input's zero point.
 *
 * output[y][x][o] = clamp(requantize(bias[o] + sum w[ky][kx][o] * (input[iy][ix][o /
 * depth_multiplier] + input_offset)) + output_offset), iy = y * stride_h - pad_h + ky * dilation_h,
 * likewise ix; positions outside the image add nothing. The sums fit 32 bits: the generator refuses
 * others. Bit for bit TensorFlow Lite Micro's reference DepthwiseConvPerChannel.
 */
#ifndef NONN_KERNELS_DEPTHWISE_CONV_2D_H
#define NONN_KERNELS_DEPTHWISE_CONV_2D_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w;
    uint16_t depth_multiplier; /* the output has in_c * depth_multiplier channels */
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_h, pad_w; /* above and left; below and right follow from the sizes */
    int16_t input_offset;  /* minus the input's zero point */
    int16_t output_offset; /* the output's zero point */
    int8_t activation_min, activation_max;
    const int8_t *weights;     /* [kernel_h][kernel_w][channels of the output] */
    const int32_t *bias;       /* [channels of the output] or NULL */
    const int32_t *multiplier; /* [channels of the output], see nonn/fixed_point.h */
    const int8_t *shift;       /* [channels of the output] */
} nonn_depthwise_conv_2d_params;

/* `input` holds in_h * in_w * in_c values, `output` out_h * out_w * in_c * depth_multiplier.
 * Outputs are written in order, each after all that it is made of is read: `output` may overlap
 * `input` from below. */
void nonn_depthwise_conv_2d(const nonn_depthwise_conv_2d_params *params, const int8_t *input,
                            int8_t *output);

#endif
