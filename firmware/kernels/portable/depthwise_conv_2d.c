#include "nonn/kernels/depthwise_conv_2d.h"

#include "nonn/kernels/dot.h"
#include "nonn/kernels/put.h"
#include "nonn/kernels/window.h"

/* Channels whose sums wait to be put, at least NONN_DOT_TAPS_CHANNELS. */
#define TOGETHER 16

static int32_t sum_one(const nonn_taps *at, const int8_t *image, const int8_t *taps) {
    const int32_t image_column = at->image_column, taps_column = at->taps_column;
    const int32_t offset = at->offset;
    int32_t sum = 0;
    for (int32_t row = at->rows; row > 0; --row) {
        for (int32_t column = at->columns; column > 0; --column) {
            sum += *taps * (*image + offset);
            image += image_column;
            taps += taps_column;
        }
        image += at->image_row;
        taps += at->taps_row;
    }
    return sum;
}

/* All channels of one position; `image` and `taps` are at its first tap inside the image. */
static void convolve(const nonn_scaling *scaling, const nonn_taps *at, int32_t per_input,
                     const int8_t *image, const int8_t *taps, int8_t *output) {
    const int32_t out_c = at->taps_column;
    int32_t sums[TOGETHER];
    int32_t channel = 0, channels;
    if (per_input == 1) {
        const int whole = at->rows == 3 && at->columns == 3 && at->image_column == out_c;
        for (; whole && channel < out_c; channel += channels) {
            channels = out_c - channel < TOGETHER ? out_c - channel : TOGETHER;
            nonn_dot_3x3(at, image + channel, taps + channel, channels, sums);
            nonn_put_channels(scaling, channel, channels, sums, output + channel);
        }
        channels = NONN_DOT_TAPS_CHANNELS;
        for (; channel + channels <= out_c; channel += channels) {
            nonn_dot_taps(at, image + channel, taps + channel, sums);
            nonn_put_channels(scaling, channel, channels, sums, output + channel);
        }
        image += channel;
    }
    while (channel < out_c) {
        for (int32_t k = 0; k < per_input; ++k, ++channel) {
            sums[0] = sum_one(at, image, taps + channel);
            nonn_put_channels(scaling, channel, 1, sums, output + channel);
        }
        ++image;
    }
}

void nonn_depthwise_conv_2d(const nonn_depthwise_conv_2d_params *params, const int8_t *input,
                            int8_t *output) {
    const int32_t in_c = params->in_c, out_c = in_c * params->depth_multiplier;
    const nonn_scaling scaling = {params->bias,
                                  params->multiplier,
                                  params->shift,
                                  params->output_offset,
                                  params->activation_min,
                                  params->activation_max,
                                  1,
                                  1,
                                  1};
    nonn_taps at;
    at.offset = params->input_offset;
    at.image_column = params->dilation_w * in_c;
    at.taps_column = out_c;
    for (int32_t y = 0; y < params->out_h; ++y) {
        const int32_t origin_y = y * params->stride_h - params->pad_h;
        const nonn_span rows =
            nonn_window(origin_y, params->dilation_h, params->kernel_h, params->in_h);
        for (int32_t x = 0; x < params->out_w; ++x) {
            const int32_t origin_x = x * params->stride_w - params->pad_w;
            const nonn_span columns =
                nonn_window(origin_x, params->dilation_w, params->kernel_w, params->in_w);
            const int inside = rows.first < rows.last && columns.first < columns.last;
            at.rows = inside ? rows.last - rows.first : 0;
            at.columns = columns.last - columns.first;
            at.image_row = params->dilation_h * params->in_w * in_c - at.columns * at.image_column;
            at.taps_row = (params->kernel_w - at.columns) * out_c;
            const int8_t *image = input;
            const int8_t *taps = params->weights;
            if (inside) {
                image += ((origin_y + rows.first * params->dilation_h) * params->in_w + origin_x +
                          columns.first * params->dilation_w) *
                         in_c;
                taps += (rows.first * params->kernel_w + columns.first) * out_c;
            }
            convolve(&scaling, &at, params->depth_multiplier, image, taps, output);
            output += out_c;
        }
    }
}
