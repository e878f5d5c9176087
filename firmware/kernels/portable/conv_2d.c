#include "nonn/kernels/conv_2d.h"

#include "nonn/kernels/dot.h"
#include "nonn/kernels/put.h"
#include "nonn/kernels/window.h"

/* A product of matrices: the windows of three positions are laid out side by side as columns, the
 * input's offset added and zeros outside the image, and every filter of their group runs down the
 * three of them, two filters at a time. No sum then tests for borders. */
#define COLUMNS NONN_DOT_COLUMNS

/* Writes a part of one column. Returns its end. */
static int16_t *lay(int16_t *column, const int8_t *input, int32_t count, int32_t offset) {
    for (; count >= 4; count -= 4, input += 4, column += 4 * COLUMNS) {
        column[0] = (int16_t)(input[0] + offset);
        column[COLUMNS] = (int16_t)(input[1] + offset);
        column[2 * COLUMNS] = (int16_t)(input[2] + offset);
        column[3 * COLUMNS] = (int16_t)(input[3] + offset);
    }
    for (; count > 0; --count, column += COLUMNS) {
        *column = (int16_t)(*input++ + offset);
    }
    return column;
}

static int16_t *lay_zeros(int16_t *column, int32_t count) {
    for (int16_t *end = column + count * COLUMNS; column != end; column += COLUMNS) {
        *column = 0;
    }
    return column;
}

/* One window as one column; `input` is at the first channel of the group, y and x are where the
 * window begins. */
static void lay_window(const nonn_conv_2d_params *params, const int8_t *input, int32_t y, int32_t x,
                       int16_t *column) {
    const int32_t channels = params->kernel_c;
    const nonn_span inside = nonn_window(x, params->dilation_w, params->kernel_w, params->in_w);
    const int32_t width = inside.last > inside.first ? inside.last - inside.first : 0;
    const int32_t before = width > 0 ? inside.first : params->kernel_w;
    const int32_t behind = params->kernel_w - before - width;
    /* Without dilation and groups a row of taps is one run of the image. */
    const int contiguous = params->dilation_w == 1 && channels == params->in_c;
    const int32_t runs = contiguous ? 1 : width;
    const int32_t length = contiguous ? width * channels : channels;
    const int32_t step = params->dilation_w * params->in_c;
    for (int32_t ky = 0; ky < params->kernel_h; ++ky, y += params->dilation_h) {
        if (y < 0 || y >= params->in_h || width == 0) {
            column = lay_zeros(column, params->kernel_w * channels);
            continue;
        }
        const int8_t *image =
            input + (y * params->in_w + x + before * params->dilation_w) * params->in_c;
        column = lay_zeros(column, before * channels);
        for (int32_t run = 0; run < runs; ++run, image += step) {
            column = lay(column, image, length, params->input_offset);
        }
        column = lay_zeros(column, behind * channels);
    }
}

void nonn_conv_2d(const nonn_conv_2d_params *params, const int8_t *input, int8_t *output,
                  void *scratch) {
    const int32_t taps = (int32_t)params->kernel_h * params->kernel_w * params->kernel_c;
    const int32_t filters = params->out_c / (params->in_c / params->kernel_c); /* in a group */
    nonn_scaling scaling = {
        params->bias,           params->multiplier,     params->shift, params->output_offset,
        params->activation_min, params->activation_max, COLUMNS,       COLUMNS,
        params->out_c};
    int32_t left = (int32_t)params->out_h * params->out_w;
    int32_t next_y = 0, next_x = 0;
    while (left > 0) {
        const int32_t first_y = next_y, first_x = next_x;
        const int8_t *weights = params->weights;
        scaling.columns = left < COLUMNS ? left : COLUMNS;
        for (int32_t channel = 0, group = 0; channel < params->out_c; ++group) {
            int32_t y = first_y, x = first_x;
            for (int32_t c = 0; c < COLUMNS; ++c) {
                lay_window(params, input + group * params->kernel_c,
                           y * params->stride_h - params->pad_h,
                           x * params->stride_w - params->pad_w, (int16_t *)scratch + c);
                /* Past the last position it is laid again: nothing but zeros and inputs is summed.
                 */
                if (c + 1 < left && ++x == params->out_w) {
                    x = 0;
                    ++y;
                }
            }
            next_y = y;
            next_x = x;
            for (int32_t end = channel + filters; channel < end;) {
                const int32_t pair = end - channel > 1 ? 2 : 1;
                int32_t sums[2 * COLUMNS];
                nonn_dot_columns((const int16_t *)scratch, weights, weights + (pair - 1) * taps,
                                 taps, sums);
                nonn_put(&scaling, channel, pair, sums, output + channel);
                channel += pair;
                weights += pair * taps;
            }
        }
        output += COLUMNS * params->out_c;
        left -= COLUMNS;
    }
}
