#include "nonn/kernels/max_pool_2d.h"

#include <string.h>

#include "nonn/kernels/window.h"

/* Raises each of `output[0..channels)` to the pixel's value. */
static void raise_to(int8_t *output, const int8_t *pixel, int32_t channels) {
    for (int32_t channel = 0; channel < channels; ++channel) {
        if (pixel[channel] > output[channel]) {
            output[channel] = pixel[channel];
        }
    }
}

static void lower_to(int8_t *output, int8_t highest, int32_t channels) {
    for (int32_t channel = 0; channel < channels; ++channel) {
        if (output[channel] > highest) {
            output[channel] = highest;
        }
    }
}

void nonn_max_pool_2d(const nonn_max_pool_2d_params *params, const int8_t *input, int8_t *output) {
    const int32_t channels = params->channels;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->out_h; ++out_y) {
            const int32_t origin_y = out_y * params->stride_h - params->pad_h;
            const nonn_span rows = nonn_window(origin_y, 1, params->filter_h, params->in_h);
            for (int32_t out_x = 0; out_x < params->out_w; ++out_x) {
                const int32_t origin_x = out_x * params->stride_w - params->pad_w;
                const nonn_span columns = nonn_window(origin_x, 1, params->filter_w, params->in_w);
                /* Starting from the activation's floor clamps from below for free. */
                memset(output, params->activation_min, (size_t)channels);
                for (int32_t y = origin_y + rows.first; y < origin_y + rows.last; ++y) {
                    for (int32_t x = origin_x + columns.first; x < origin_x + columns.last; ++x) {
                        raise_to(output, input + (y * params->in_w + x) * channels, channels);
                    }
                }
                lower_to(output, (int8_t)params->activation_max, channels);
                output += channels;
            }
        }
        input += params->in_h * params->in_w * channels;
    }
}
