#include "nonn/kernels/depthwise_conv_2d.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/window.h"

void nonn_depthwise_conv_2d(const nonn_depthwise_conv_2d_params *params, const int8_t *input,
                            int8_t *output) {
    const int32_t out_c = params->in_c * params->depth_multiplier;
    const int32_t row_step = params->dilation_h * params->in_w * params->in_c;
    const int32_t column_step = params->dilation_w * params->in_c;
    for (int32_t y = 0; y < params->out_h; ++y) {
        const int32_t origin_y = y * params->stride_h - params->pad_h;
        const nonn_span rows =
            nonn_window(origin_y, params->dilation_h, params->kernel_h, params->in_h);
        for (int32_t x = 0; x < params->out_w; ++x) {
            const int32_t origin_x = x * params->stride_w - params->pad_w;
            const nonn_span columns =
                nonn_window(origin_x, params->dilation_w, params->kernel_w, params->in_w);
            /* Of the first tap inside the image; not used where there is none. */
            const int32_t first = (origin_y + rows.first * params->dilation_h) * params->in_w +
                                  origin_x + columns.first * params->dilation_w;
            const int32_t first_tap = rows.first * params->kernel_w + columns.first;
            int32_t o = 0;
            for (int32_t c = 0; c < params->in_c; ++c) {
                for (int32_t m = 0; m < params->depth_multiplier; ++m, ++o) {
                    int32_t sum = params->bias != 0 ? params->bias[o] : 0;
                    int32_t row = first * params->in_c + c;
                    int32_t row_tap = first_tap * out_c + o;
                    for (int32_t ky = rows.first; ky < rows.last; ++ky) {
                        int32_t pixel = row;
                        int32_t tap = row_tap;
                        for (int32_t kx = columns.first; kx < columns.last; ++kx) {
                            sum += params->weights[tap] * (input[pixel] + params->input_offset);
                            pixel += column_step;
                            tap += out_c;
                        }
                        row += row_step;
                        row_tap += params->kernel_w * out_c;
                    }
                    sum = nonn_requantize(sum, params->multiplier[o], params->shift[o]);
                    sum = nonn_wrapping_add(sum, params->output_offset);
                    *output++ = nonn_clamp_s8(sum, params->activation_min, params->activation_max);
                }
            }
        }
    }
}
