#include "nonn/kernels/average_pool_2d.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/window.h"

void nonn_average_pool_2d(const nonn_average_pool_2d_params *params, const int8_t *input,
                          int8_t *output) {
    const int32_t channels = params->channels;
    const int32_t row_bytes = params->in_w * channels;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->out_h; ++out_y) {
            const int32_t origin_y = out_y * params->stride_h - params->pad_h;
            const nonn_span rows = nonn_window(origin_y, 1, params->filter_h, params->in_h);
            for (int32_t out_x = 0; out_x < params->out_w; ++out_x) {
                const int32_t origin_x = out_x * params->stride_w - params->pad_w;
                const nonn_span columns = nonn_window(origin_x, 1, params->filter_w, params->in_w);
                const int32_t width = columns.last - columns.first;
                const int32_t pixels = (rows.last - rows.first) * width;
                const int8_t *corner = input + (origin_y + rows.first) * row_bytes +
                                       (origin_x + columns.first) * channels;
                for (int32_t channel = 0; channel < channels; ++channel) {
                    const int8_t *row = corner + channel;
                    int32_t sum = 0;
                    for (int32_t y = rows.first; y < rows.last; ++y) {
                        for (int32_t x = 0; x < width; ++x) {
                            sum += row[x * channels];
                        }
                        row += row_bytes;
                    }
                    const int32_t half = sum > 0 ? pixels / 2 : -(pixels / 2);
                    *output++ = nonn_clamp_s8((sum + half) / pixels, params->activation_min,
                                              params->activation_max);
                }
            }
        }
        input += params->in_h * row_bytes;
    }
}
