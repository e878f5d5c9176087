#include "nonn/kernels/conv_2d.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/dot.h"
#include "nonn/kernels/window.h"

/* The sum over one filter's taps inside the image; `input` is at the filter's group of channels. */
static int32_t filter_sum(const nonn_conv_2d_params *params, const int8_t *input,
                          const int8_t *weights, int32_t origin_y, int32_t origin_x, nonn_span rows,
                          nonn_span columns) {
    /* Without dilation and groups a row of taps is one run in both the image and the filter. */
    const int contiguous = params->dilation_w == 1 && params->kernel_c == params->in_c;
    const int32_t runs = contiguous ? 1 : columns.last - columns.first;
    const int32_t length =
        contiguous ? (columns.last - columns.first) * params->kernel_c : params->kernel_c;
    int32_t sum = 0;
    for (int32_t ky = rows.first; ky < rows.last; ++ky) {
        const int32_t y = origin_y + ky * params->dilation_h;
        const int32_t x = origin_x + columns.first * params->dilation_w;
        const int8_t *image = input + (y * params->in_w + x) * params->in_c;
        const int8_t *taps = weights + (ky * params->kernel_w + columns.first) * params->kernel_c;
        for (int32_t run = 0; run < runs; ++run) {
            sum += nonn_dot(image, taps, length, params->input_offset);
            image += params->dilation_w * params->in_c;
            taps += length;
        }
    }
    return sum;
}

void nonn_conv_2d(const nonn_conv_2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t filter_size = (int32_t)params->kernel_h * params->kernel_w * params->kernel_c;
    const int32_t filters_per_group = params->out_c / (params->in_c / params->kernel_c);
    for (int32_t y = 0; y < params->out_h; ++y) {
        const int32_t origin_y = y * params->stride_h - params->pad_h;
        const nonn_span rows =
            nonn_window(origin_y, params->dilation_h, params->kernel_h, params->in_h);
        for (int32_t x = 0; x < params->out_w; ++x) {
            const int32_t origin_x = x * params->stride_w - params->pad_w;
            const nonn_span columns =
                nonn_window(origin_x, params->dilation_w, params->kernel_w, params->in_w);
            const int8_t *group = input;
            int32_t left_in_group = filters_per_group;
            for (int32_t o = 0; o < params->out_c; ++o) {
                if (left_in_group == 0) {
                    left_in_group = filters_per_group;
                    group += params->kernel_c;
                }
                --left_in_group;
                int32_t sum = params->bias != 0 ? params->bias[o] : 0;
                if (columns.first < columns.last) {
                    sum += filter_sum(params, group, params->weights + o * filter_size, origin_y,
                                      origin_x, rows, columns);
                }
                sum = nonn_requantize(sum, params->multiplier[o], params->shift[o]);
                sum = nonn_wrapping_add(sum, params->output_offset);
                *output++ = nonn_clamp_s8(sum, params->activation_min, params->activation_max);
            }
        }
    }
}
