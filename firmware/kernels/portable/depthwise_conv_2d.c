#include "nonn/kernels/depthwise_conv_2d.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/window.h"

/* Channels summed together where each has one filter: they are neighbours in the image and in the
 * filters alike. */
#define TOGETHER 4

/* The taps of one position that lie inside the image. */
typedef struct {
    int32_t rows, columns;
    int32_t image_column, taps_column; /* from tap to tap */
    int32_t image_row, taps_row;       /* from behind the last tap of a row to the next row */
    int32_t offset;
} window;

#define ADD_TAP()                              \
    do {                                       \
        sum0 += taps[0] * (image[0] + offset); \
        sum1 += taps[1] * (image[1] + offset); \
        sum2 += taps[2] * (image[2] + offset); \
        sum3 += taps[3] * (image[3] + offset); \
        image += image_column;                 \
        taps += taps_column;                   \
    } while (0)

static void sum_together(const window *at, const int8_t *image, const int8_t *taps, int32_t *sums) {
    const int32_t image_column = at->image_column, taps_column = at->taps_column;
    const int32_t offset = at->offset;
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int32_t row = at->rows; row > 0; --row) {
        int32_t column = at->columns;
        for (; column >= 3; column -= 3) {
            ADD_TAP();
            ADD_TAP();
            ADD_TAP();
        }
        for (; column > 0; --column) {
            ADD_TAP();
        }
        image += at->image_row;
        taps += at->taps_row;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

static int32_t sum_one(const window *at, const int8_t *image, const int8_t *taps) {
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

/* `count` output channels from `channel` on. */
static void put(const nonn_depthwise_conv_2d_params *params, int32_t channel, const int32_t *sums,
                int32_t count, int8_t *output) {
    const int32_t *bias = params->bias != 0 ? params->bias + channel : 0;
    const int32_t *multiplier = params->multiplier + channel;
    const int8_t *shift = params->shift + channel;
    const int32_t offset = params->output_offset;
    const int32_t low = params->activation_min, high = params->activation_max;
    for (int32_t k = 0; k < count; ++k) {
        const int32_t sum = bias != 0 ? bias[k] + sums[k] : sums[k];
        const int32_t scaled = nonn_requantize(sum, multiplier[k], shift[k]);
        output[k] = nonn_clamp_s8(nonn_wrapping_add(scaled, offset), low, high);
    }
}

/* All channels of one position; `image` and `taps` are at its first tap inside the image. */
static void convolve(const nonn_depthwise_conv_2d_params *params, const window *at,
                     const int8_t *image, const int8_t *taps, int8_t *output) {
    const int32_t per_input = params->depth_multiplier;
    const int32_t out_c = params->in_c * per_input;
    int32_t sums[TOGETHER];
    int32_t channel = 0;
    if (per_input == 1) {
        for (; channel + TOGETHER <= out_c; channel += TOGETHER) {
            sum_together(at, image + channel, taps + channel, sums);
            put(params, channel, sums, TOGETHER, output + channel);
        }
        image += channel;
    }
    while (channel < out_c) {
        for (int32_t k = 0; k < per_input; ++k, ++channel) {
            sums[0] = sum_one(at, image, taps + channel);
            put(params, channel, sums, 1, output + channel);
        }
        ++image;
    }
}

void nonn_depthwise_conv_2d(const nonn_depthwise_conv_2d_params *params, const int8_t *input,
                            int8_t *output) {
    const int32_t in_c = params->in_c, out_c = in_c * params->depth_multiplier;
    window at;
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
            convolve(params, &at, image, taps, output);
            output += out_c;
        }
    }
}
