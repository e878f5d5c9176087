#include "nonn/kernels/average_pool_dsp.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/window.h"
#include "nonn/target.h"
#include "quad.h"

#if NONN_TARGET_DSP

typedef struct {
    const int8_t *corner;
    int32_t height, width; /* pixels inside the image */
} window;

typedef struct {
    int32_t pixels, low, high;
} rule;

static inline int8_t rounded(int32_t sum, rule r) {
    const int32_t half = r.pixels / 2;
    return nonn_clamp_s8((sum > 0 ? sum + half : sum - half) / r.pixels, r.low, r.high);
}

/* One pixel of the output. */
static void average(const nonn_average_pool_dsp_params *params, window w, int8_t *output) {
    const int32_t channels = params->channels, row_bytes = params->in_w * channels;
    const rule r = {w.height * w.width, params->activation_min, params->activation_max};
    if (w.width == params->in_w) { /* rows without a gap are one */
        w.width *= w.height;
        w.height = 1;
    }
    for (int32_t channel = 0; channel < channels; channel += 4) {
        nonn_quad_sums sums = {0, 0};
        const int8_t *row = w.corner + channel;
        for (int32_t y = 0; y < w.height; ++y) {
            sums = nonn_quad_add_run(sums, row, channels, w.width);
            row += row_bytes;
        }
        output[0] = rounded(nonn_quad_sum(sums, 0), r);
        output[1] = rounded(nonn_quad_sum(sums, 1), r);
        output[2] = rounded(nonn_quad_sum(sums, 2), r);
        output[3] = rounded(nonn_quad_sum(sums, 3), r);
        output += 4;
    }
}

void nonn_average_pool_dsp(const nonn_average_pool_dsp_params *params, const int8_t *input,
                           int8_t *output) {
    const int32_t channels = params->channels, row_bytes = params->in_w * channels;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t out_y = 0; out_y < params->out_h; ++out_y) {
            const int32_t y = out_y * params->stride_h - params->pad_h;
            const nonn_span rows = nonn_window(y, 1, params->filter_h, params->in_h);
            for (int32_t out_x = 0; out_x < params->out_w; ++out_x) {
                const int32_t x = out_x * params->stride_w - params->pad_w;
                const nonn_span columns = nonn_window(x, 1, params->filter_w, params->in_w);
                const window w = {
                    input + (y + rows.first) * row_bytes + (x + columns.first) * channels,
                    rows.last - rows.first,
                    columns.last - columns.first,
                };
                average(params, w, output);
                output += channels;
            }
        }
        input += params->in_h * row_bytes;
    }
}

#endif
