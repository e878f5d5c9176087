#include "nonn/kernels/max_pool_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>

#include "nonn/kernels/window.h"

#define LANES 16

typedef struct {
    const int8_t *first;
    int32_t rows, columns, row_bytes, channels;
} window;

static void pool_window(const window *w, int8_t *output, int8_t low, int8_t high) {
    for (int32_t c = 0; c < w->channels; c += LANES) {
        const mve_pred16_t lanes = vctp8q((uint32_t)(w->channels - c));
        const int8_t *row = w->first + c;
        int8x16_t most = vdupq_n_s8(low);
        for (int32_t y = w->rows; y > 0; --y) {
            const int8_t *pixel = row;
            for (int32_t x = w->columns; x > 0; --x) {
                most = vmaxq_s8(most, vldrbq_z_s8(pixel, lanes));
                pixel += w->channels;
            }
            row += w->row_bytes;
        }
        vstrbq_p_s8(output + c, vminq_s8(most, vdupq_n_s8(high)), lanes);
    }
}

void nonn_max_pool_helium(const nonn_max_pool_helium_params *params, const int8_t *input,
                          int8_t *output) {
    window w = {.row_bytes = params->in_w * params->channels, .channels = params->channels};
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t y = 0; y < params->out_h; ++y) {
            const int32_t origin_y = y * params->stride_h - params->pad_h;
            const nonn_span rows = nonn_window(origin_y, 1, params->filter_h, params->in_h);
            w.rows = rows.last - rows.first;
            for (int32_t x = 0; x < params->out_w; ++x) {
                const int32_t origin_x = x * params->stride_w - params->pad_w;
                const nonn_span columns = nonn_window(origin_x, 1, params->filter_w, params->in_w);
                w.first = input + (origin_y + rows.first) * w.row_bytes +
                          (origin_x + columns.first) * w.channels;
                w.columns = columns.last - columns.first;
                pool_window(&w, output, (int8_t)params->activation_min,
                            (int8_t)params->activation_max);
                output += w.channels;
            }
        }
        input += params->in_h * w.row_bytes;
    }
}

#endif
