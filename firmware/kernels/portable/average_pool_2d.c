#include "nonn/kernels/average_pool_2d.h"

#include "nonn/fixed_point.h"

void nonn_average_pool_2d(const nonn_average_pool_2d_params *params, const int8_t *input,
                          int8_t *output) {
    const int32_t channels = params->channels;
    const int32_t row_bytes = params->input_width * channels;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->output_height; ++out_y) {
            const nonn_pool_2d_span rows =
                nonn_pool_2d_window(out_y, params->stride_height, params->padding_top,
                                    params->filter_height, params->input_height);
            for (int32_t out_x = 0; out_x < params->output_width; ++out_x) {
                const nonn_pool_2d_span columns =
                    nonn_pool_2d_window(out_x, params->stride_width, params->padding_left,
                                        params->filter_width, params->input_width);
                const int32_t width = columns.end - columns.begin;
                const int32_t pixels = (rows.end - rows.begin) * width;
                const int8_t *corner = input + rows.begin * row_bytes + columns.begin * channels;
                for (int32_t channel = 0; channel < channels; ++channel) {
                    const int8_t *row = corner + channel;
                    int32_t sum = 0;
                    for (int32_t y = rows.begin; y < rows.end; ++y) {
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
        input += params->input_height * row_bytes;
    }
}
