#include "nonn/kernels/conv_2d.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/dot.h"
#include "nonn/kernels/window.h"

/* One position of the window: where it begins and which of its taps are inside the image. */
typedef struct {
    int32_t y, x;
    nonn_span rows, columns;
} place;

/* Adds the taps inside the image of one filter, or of four that follow each other, to their sums;
 * `input` and `weights` are at the first channel of the filters' group and at the first filter. */
static void add_taps(const nonn_conv_2d_params *params, const int8_t *input, const int8_t *weights,
                     int32_t filters, const place *at, int32_t *sums) {
    const int32_t filter_size = (int32_t)params->kernel_h * params->kernel_w * params->kernel_c;
    const int32_t width = at->columns.last - at->columns.first;
    /* Without dilation and groups a row of taps is one run in both the image and the filter. */
    const int contiguous = params->dilation_w == 1 && params->kernel_c == params->in_c;
    const int32_t runs = contiguous ? 1 : width;
    const int32_t length = contiguous ? width * params->kernel_c : params->kernel_c;
    for (int32_t ky = at->rows.first; ky < at->rows.last; ++ky) {
        const int32_t y = at->y + ky * params->dilation_h;
        const int32_t x = at->x + at->columns.first * params->dilation_w;
        const int8_t *image = input + (y * params->in_w + x) * params->in_c;
        const int8_t *taps =
            weights + (ky * params->kernel_w + at->columns.first) * params->kernel_c;
        for (int32_t run = 0; run < runs; ++run) {
            if (filters == 4) {
                nonn_dot_4(image, taps, filter_size, length, params->input_offset, sums);
            } else {
                sums[0] += nonn_dot(image, taps, length, params->input_offset);
            }
            image += params->dilation_w * params->in_c;
            taps += length;
        }
    }
}

/* All output channels of one position. */
static void convolve(const nonn_conv_2d_params *params, const int8_t *input, const place *at,
                     int8_t *output) {
    const int32_t filter_size = (int32_t)params->kernel_h * params->kernel_w * params->kernel_c;
    const int32_t filters_per_group = params->out_c / (params->in_c / params->kernel_c);
    const int inside = at->columns.first < at->columns.last;
    int32_t left_in_group = filters_per_group;
    for (int32_t o = 0; o < params->out_c;) {
        if (left_in_group == 0) {
            left_in_group = filters_per_group;
            input += params->kernel_c;
        }
        const int32_t filters = left_in_group >= 4 ? 4 : 1;
        left_in_group -= filters;
        int32_t sums[4];
        for (int32_t k = 0; k < filters; ++k) {
            sums[k] = params->bias != 0 ? params->bias[o + k] : 0;
        }
        if (inside) {
            add_taps(params, input, params->weights + o * filter_size, filters, at, sums);
        }
        for (int32_t k = 0; k < filters; ++k, ++o) {
            const int32_t scaled =
                nonn_requantize(sums[k], params->multiplier[o], params->shift[o]);
            output[o] = nonn_clamp_s8(nonn_wrapping_add(scaled, params->output_offset),
                                      params->activation_min, params->activation_max);
        }
    }
}

void nonn_conv_2d(const nonn_conv_2d_params *params, const int8_t *input, int8_t *output) {
    for (int32_t y = 0; y < params->out_h; ++y) {
        place at;
        at.y = y * params->stride_h - params->pad_h;
        at.rows = nonn_window(at.y, params->dilation_h, params->kernel_h, params->in_h);
        for (int32_t x = 0; x < params->out_w; ++x) {
            at.x = x * params->stride_w - params->pad_w;
            at.columns = nonn_window(at.x, params->dilation_w, params->kernel_w, params->in_w);
            convolve(params, input, &at, output);
            output += params->out_c;
        }
    }
}
