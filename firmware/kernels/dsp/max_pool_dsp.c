#include "nonn/kernels/max_pool_dsp.h"

#include "nonn/kernels/window.h"
#include "nonn/target.h"
#include "quad.h"

#if NONN_TARGET_DSP

static inline uint32_t four(int32_t byte) {
    return (uint8_t)byte * 0x01010101u;
}

/* The smaller of each two bytes, as the greater of their complements. */
static inline uint32_t lesser(uint32_t a, uint32_t b) {
    return ~nonn_quad_max(~a, ~b);
}

typedef struct {
    const int8_t *corner;
    int32_t height, width; /* pixels inside the image */
} window;

/* One pixel of the output. */
static void greatest(const nonn_max_pool_dsp_params *params, window w, int8_t *output) {
    const int32_t channels = params->channels, row_bytes = params->in_w * channels;
    const uint32_t low = four(params->activation_min), high = four(params->activation_max);
    if (w.width == params->in_w) { /* rows without a gap are one */
        w.width *= w.height;
        w.height = 1;
    }
    for (int32_t channel = 0; channel < channels; channel += 4) {
        uint32_t most = low; /* starting there clamps from below */
        const int8_t *row = w.corner + channel;
        for (int32_t y = 0; y < w.height; ++y) {
            const int8_t *pixel = row;
            for (int32_t x = 0; x < w.width; ++x) {
                most = nonn_quad_max(most, nonn_quad(pixel));
                pixel += channels;
            }
            row += row_bytes;
        }
        most = lesser(most, high);
        memcpy(output, &most, sizeof most);
        output += sizeof most;
    }
}

void nonn_max_pool_dsp(const nonn_max_pool_dsp_params *params, const int8_t *input,
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
                greatest(params, w, output);
                output += channels;
            }
        }
        input += params->in_h * row_bytes;
    }
}

#endif
