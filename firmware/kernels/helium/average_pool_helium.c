#include "nonn/kernels/average_pool_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>

#include "nonn/kernels/window.h"

#define LANES 8
#define FEW 256 /* pixels whose sum fits 16 bits */

typedef struct {
    const int8_t *first;
    int32_t rows, columns, row_bytes, channels;
    uint32_t doubled_half; /* 2 * (pixels / 2) */
    uint32_t reciprocal;
} window;

/* A row of the window onto eight channels' sums. */
static inline int16x8_t add_row(const window *w, const int8_t *pixel, int16x8_t sums,
                                mve_pred16_t lanes) {
    for (int32_t x = w->columns; x > 0; --x) {
        sums = vaddq_s16(sums, vldrbq_z_s16(pixel, lanes));
        pixel += w->channels;
    }
    return sums;
}

/* sum / pixels, rounded to nearest, ties away from zero. */
static inline int32x4_t mean(const window *w, int32x4_t sums) {
    const uint32x4_t magnitude = (uint32x4_t)vabsq_s32(sums);
    const uint32x4_t doubled = vaddq_n_u32(vshlq_n_u32(magnitude, 1), w->doubled_half);
    const int32x4_t quotient = (int32x4_t)vmulhq_u32(doubled, vdupq_n_u32(w->reciprocal));
    return vnegq_m_s32(quotient, quotient, vcmpltq_n_s32(sums, 0));
}

static void pool_window(const window *w, int8_t *output, int8_t low, int8_t high) {
    for (int32_t c = 0; c < w->channels; c += LANES) {
        const mve_pred16_t lanes = vctp16q((uint32_t)(w->channels - c));
        const int8_t *row = w->first + c;
        int16x8_t few = vdupq_n_s16(0);
        int32x4_t even = vdupq_n_s32(0), odd = even;
        int32_t pixels = 0;
        for (int32_t y = w->rows; y > 0; --y) {
            pixels += w->columns;
            if (pixels > FEW) {
                even = vaddq_s32(even, vmovlbq_s16(few));
                odd = vaddq_s32(odd, vmovltq_s16(few));
                few = vdupq_n_s16(0);
                pixels = w->columns;
            }
            few = add_row(w, row, few, lanes);
            row += w->row_bytes;
        }
        even = mean(w, vaddq_s32(even, vmovlbq_s16(few)));
        odd = mean(w, vaddq_s32(odd, vmovltq_s16(few)));
        const int16x8_t means = vmovntq_s32(vmovnbq_s32(few, even), odd);
        const int16x8_t above = vmaxq_s16(means, vdupq_n_s16(low));
        vstrbq_p_s16(output + c, vminq_s16(above, vdupq_n_s16(high)), lanes);
    }
}

void nonn_average_pool_helium(const nonn_average_pool_helium_params *params, const int8_t *input,
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
                const uint32_t pixels = (uint32_t)(w.rows * w.columns);
                w.doubled_half = pixels & ~1u;
                w.reciprocal = ((1u << 31) + pixels - 1) / pixels;
                pool_window(&w, output, (int8_t)params->activation_min,
                            (int8_t)params->activation_max);
                output += w.channels;
            }
        }
        input += params->in_h * w.row_bytes;
    }
}

#endif
