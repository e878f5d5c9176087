#include "nonn/kernels/max_pool_2d.h"

#include "nonn/kernels/window.h"

/* The greatest of `height` rows of `width` values, one every `step`, and `greatest` itself;
 * `next_row` leads from behind a row to the next. */
static int32_t greatest_of(const int8_t *value, int32_t height, int32_t width, int32_t step,
                           int32_t next_row, int32_t greatest) {
    for (; height > 0; --height, value += next_row) {
        for (int32_t x = 0; x < width; ++x, value += step) {
            greatest = *value > greatest ? *value : greatest;
        }
    }
    return greatest;
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
                const int32_t width = columns.last - columns.first;
                const int32_t next_row = (params->in_w - width) * channels;
                const int8_t *corner =
                    input +
                    ((origin_y + rows.first) * params->in_w + origin_x + columns.first) * channels;
                for (int32_t channel = 0; channel < channels; ++channel) {
                    /* Starting from the activation's floor clamps from below for free. */
                    const int32_t greatest =
                        greatest_of(corner++, rows.last - rows.first, width, channels, next_row,
                                    params->activation_min);
                    *output++ = (int8_t)(greatest > params->activation_max ? params->activation_max
                                                                           : greatest);
                }
            }
        }
        input += params->in_h * params->in_w * channels;
    }
}
