#include "nonn/kernels/max_pool_2d.h"

#include <string.h>

/* Raises each of `output[0..channels)` to the pixel's value. */
static void raise_to(int8_t *output, const int8_t *pixel, int32_t channels) {
    for (int32_t channel = 0; channel < channels; ++channel) {
        if (pixel[channel] > output[channel]) {
            output[channel] = pixel[channel];
        }
    }
}

void nonn_max_pool_2d(const nonn_max_pool_2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t channels = params->channels;
    const int32_t row_bytes = params->input_width * channels;
    const int8_t highest = (int8_t)params->activation_max;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->output_height; ++out_y) {
            const nonn_pool_2d_span rows =
                nonn_pool_2d_window(out_y, params->stride_height, params->padding_top,
                                    params->filter_height, params->input_height);
            for (int32_t out_x = 0; out_x < params->output_width; ++out_x) {
                const nonn_pool_2d_span columns =
                    nonn_pool_2d_window(out_x, params->stride_width, params->padding_left,
                                        params->filter_width, params->input_width);
                /* Starting from the activation's floor clamps from below for free. */
                memset(output, params->activation_min, (size_t)channels);
                for (int32_t y = rows.begin; y < rows.end; ++y) {
                    const int8_t *pixel = input + y * row_bytes + columns.begin * channels;
                    for (int32_t x = columns.begin; x < columns.end; ++x) {
                        raise_to(output, pixel, channels);
                        pixel += channels;
                    }
                }
                for (int32_t channel = 0; channel < channels; ++channel) {
                    if (output[channel] > highest) {
                        output[channel] = highest;
                    }
                }
                output += channels;
            }
        }
        input += params->input_height * row_bytes;
    }
}
