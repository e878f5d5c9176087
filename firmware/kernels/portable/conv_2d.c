#include "nonn/kernels/conv_2d.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/window.h"

/* A product of matrices: the windows of three positions are laid out side by side as columns, the
 * input's offset added and zeros outside the image, and every filter of their group runs down the
 * three of them. No sum then tests for borders, and six sums, for two filters at a time, with the
 * five values that make them stay in the registers of a Cortex-M. */
#define COLUMNS NONN_CONV_2D_COLUMNS

/* Element k of the three columns is at 3 k, 3 k + 1 and 3 k + 2. Returns the end. */
static int16_t *lay(int16_t *column, const int8_t *input, int32_t count, int32_t offset) {
    for (const int8_t *end = input + count; input != end; column += COLUMNS) {
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

#define ADD_TAP(k)                         \
    do {                                   \
        const int32_t w = first[k];        \
        const int32_t v = second[k];       \
        int32_t x = column[COLUMNS * (k)]; \
        sum0 += w * x;                     \
        sum3 += v * x;                     \
        x = column[COLUMNS * (k) + 1];     \
        sum1 += w * x;                     \
        sum4 += v * x;                     \
        x = column[COLUMNS * (k) + 2];     \
        sum2 += w * x;                     \
        sum5 += v * x;                     \
    } while (0)

/* sums[c] and sums[3 + c]: what the first and the second filter make of column c. */
static void multiply(const int16_t *column, const int8_t *first, const int8_t *second, int32_t taps,
                     int32_t *sums) {
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0, sum4 = 0, sum5 = 0;
    for (; taps >= 4; taps -= 4) {
        ADD_TAP(0);
        ADD_TAP(1);
        ADD_TAP(2);
        ADD_TAP(3);
        column += 4 * COLUMNS;
        first += 4;
        second += 4;
    }
    for (; taps > 0; --taps) {
        ADD_TAP(0);
        column += COLUMNS;
        ++first;
        ++second;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    sums[4] = sum4;
    sums[5] = sum5;
}

/* One output channel at `count` positions. */
static void put(const nonn_conv_2d_params *params, int32_t channel, const int32_t *sums,
                int32_t count, int8_t *output) {
    const int32_t bias = params->bias != 0 ? params->bias[channel] : 0;
    const int32_t multiplier = params->multiplier[channel];
    const int shift = params->shift[channel];
    const int32_t offset = params->output_offset, out_c = params->out_c;
    const int32_t low = params->activation_min, high = params->activation_max;
    output += channel;
    for (const int32_t *end = sums + count; sums != end; output += out_c) {
        const int32_t scaled = nonn_requantize(bias + *sums++, multiplier, shift);
        *output = nonn_clamp_s8(nonn_wrapping_add(scaled, offset), low, high);
    }
}

void nonn_conv_2d(const nonn_conv_2d_params *params, const int8_t *input, int8_t *output,
                  void *scratch) {
    const int32_t taps = (int32_t)params->kernel_h * params->kernel_w * params->kernel_c;
    const int32_t filters = params->out_c / (params->in_c / params->kernel_c); /* in a group */
    int32_t left = (int32_t)params->out_h * params->out_w;
    int32_t next_y = 0, next_x = 0;
    while (left > 0) {
        const int32_t count = left < COLUMNS ? left : COLUMNS;
        const int32_t first_y = next_y, first_x = next_x;
        const int8_t *weights = params->weights;
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
                multiply(scratch, weights, weights + (pair - 1) * taps, taps, sums);
                for (int32_t k = 0; k < pair; ++k, ++channel) {
                    put(params, channel, sums + k * COLUMNS, count, output);
                }
                weights += pair * taps;
            }
        }
        output += count * params->out_c;
        left -= count;
    }
}
