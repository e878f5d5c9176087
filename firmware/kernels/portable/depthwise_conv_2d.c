#include "nonn/kernels/depthwise_conv_2d.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/window.h"

void nonn_depthwise_conv_2d(const nonn_depthwise_conv_2d_params *p, const int8_t *in, int8_t *out) {
    const int32_t out_c = p->in_c * p->depth_multiplier;
    const int32_t row_step = p->dilation_h * p->in_w * p->in_c;
    const int32_t column_step = p->dilation_w * p->in_c;
    for (int32_t y = 0; y < p->out_h; ++y) {
        const int32_t origin_y = y * p->stride_h - p->pad_h;
        const nonn_span rows = nonn_window(origin_y, p->dilation_h, p->kernel_h, p->in_h);
        for (int32_t x = 0; x < p->out_w; ++x) {
            const int32_t origin_x = x * p->stride_w - p->pad_w;
            const nonn_span columns = nonn_window(origin_x, p->dilation_w, p->kernel_w, p->in_w);
            /* Of the first tap inside the image; not used where there is none. */
            const int32_t first = (origin_y + rows.first * p->dilation_h) * p->in_w + origin_x +
                                  columns.first * p->dilation_w;
            const int32_t first_tap = rows.first * p->kernel_w + columns.first;
            int32_t o = 0;
            for (int32_t c = 0; c < p->in_c; ++c) {
                for (int32_t m = 0; m < p->depth_multiplier; ++m, ++o) {
                    int32_t sum = p->bias != 0 ? p->bias[o] : 0;
                    int32_t row = first * p->in_c + c;
                    int32_t row_tap = first_tap * out_c + o;
                    for (int32_t ky = rows.first; ky < rows.last; ++ky) {
                        int32_t pixel = row;
                        int32_t tap = row_tap;
                        for (int32_t kx = columns.first; kx < columns.last; ++kx) {
                            sum += p->weights[tap] * (in[pixel] + p->input_offset);
                            pixel += column_step;
                            tap += out_c;
                        }
                        row += row_step;
                        row_tap += p->kernel_w * out_c;
                    }
                    sum = nonn_requantize(sum, p->multiplier[o], p->shift[o]);
                    sum = nonn_wrapping_add(sum, p->output_offset);
                    *out++ = nonn_clamp_s8(sum, p->activation_min, p->activation_max);
                }
            }
        }
    }
}
