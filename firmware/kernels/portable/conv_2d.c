#include "nonn/kernels/conv_2d.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/dot.h"
#include "nonn/kernels/window.h"

/* The sum over one filter's taps inside the image; `in` is at the filter's group of channels. */
static int32_t filter_sum(const nonn_conv_2d_params *p, const int8_t *in, const int8_t *weights,
                          int32_t origin_y, int32_t origin_x, nonn_span rows, nonn_span columns) {
    /* Without dilation and groups a row of taps is one run in both the image and the filter. */
    const int contiguous = p->dilation_w == 1 && p->kernel_c == p->in_c;
    const int32_t runs = contiguous ? 1 : columns.last - columns.first;
    const int32_t length = contiguous ? (columns.last - columns.first) * p->kernel_c : p->kernel_c;
    int32_t sum = 0;
    for (int32_t ky = rows.first; ky < rows.last; ++ky) {
        const int32_t y = origin_y + ky * p->dilation_h;
        const int32_t x = origin_x + columns.first * p->dilation_w;
        const int8_t *image = in + (y * p->in_w + x) * p->in_c;
        const int8_t *taps = weights + (ky * p->kernel_w + columns.first) * p->kernel_c;
        for (int32_t run = 0; run < runs; ++run) {
            sum += nonn_dot(image, taps, length, p->input_offset);
            image += p->dilation_w * p->in_c;
            taps += length;
        }
    }
    return sum;
}

void nonn_conv_2d(const nonn_conv_2d_params *p, const int8_t *in, int8_t *out) {
    const int32_t filter_size = (int32_t)p->kernel_h * p->kernel_w * p->kernel_c;
    const int32_t filters_per_group = p->out_c / (p->in_c / p->kernel_c);
    for (int32_t y = 0; y < p->out_h; ++y) {
        const int32_t origin_y = y * p->stride_h - p->pad_h;
        const nonn_span rows = nonn_window(origin_y, p->dilation_h, p->kernel_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; ++x) {
            const int32_t origin_x = x * p->stride_w - p->pad_w;
            const nonn_span columns = nonn_window(origin_x, p->dilation_w, p->kernel_w, p->in_w);
            const int8_t *group = in;
            int32_t left_in_group = filters_per_group;
            for (int32_t o = 0; o < p->out_c; ++o) {
                if (left_in_group == 0) {
                    left_in_group = filters_per_group;
                    group += p->kernel_c;
                }
                --left_in_group;
                int32_t sum = p->bias != 0 ? p->bias[o] : 0;
                if (columns.first < columns.last) {
                    sum += filter_sum(p, group, p->weights + o * filter_size, origin_y, origin_x,
                                      rows, columns);
                }
                sum = nonn_requantize(sum, p->multiplier[o], p->shift[o]);
                sum = nonn_wrapping_add(sum, p->output_offset);
                *out++ = nonn_clamp_s8(sum, p->activation_min, p->activation_max);
            }
        }
    }
}
