#include "nonn/kernels/conv_3x3_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "conv_3x3_sums.h"

#define STEP NONN_CONV_3X3_STEP
#define ADDRESSES NONN_CONV_3X3_ADDRESSES

/* Sixteen channels of six columns, `pitch` bytes apart, to a step of the panel. Columns outside the
 * image, the first `before` and those from `behind` on, get `padding`. */
static void copy_step(int8_t *step, const int8_t *from, uint32_t pitch, uint32_t before,
                      uint32_t behind, int8x16_t padding) {
    if (before <= 1 && behind >= 5) {
        /* In place of a column outside the one beside it, which is then written over. */
        const int8_t *next = from + pitch;
        __asm volatile(
            "vldrb.u8 q0, [%1]\n"
            "vldrb.u8 q1, [%0]\n"
            "add %0, %0, %3\n"
            "vstrb.8 q0, [%2]\n"
            "vldrb.u8 q2, [%0]\n"
            "add %0, %0, %3\n"
            "vstrb.8 q1, [%2, #16]\n"
            "vldrb.u8 q0, [%0]\n"
            "add %0, %0, %3\n"
            "vstrb.8 q2, [%2, #32]\n"
            "vldrb.u8 q1, [%0]\n"
            "add %0, %0, %4\n"
            "vstrb.8 q0, [%2, #48]\n"
            "vldrb.u8 q2, [%0]\n"
            "vstrb.8 q1, [%2, #64]\n"
            "vstrb.8 q2, [%2, #80]\n"
            : "+r"(next)
            : "r"(from + before * pitch), "r"(step), "r"(pitch), "r"((behind - 5) * pitch)
            : "q0", "q1", "q2", "memory");
        if (before == 1) {
            vst1q_s8(step, padding);
        }
        if (behind == 5) {
            vst1q_s8(step + 80, padding);
        }
        return;
    }
    for (uint32_t column = 0; column < 6; ++column, from += pitch) {
        const int inside = column >= before && column < behind;
        vst1q_s8(step + 16 * column, inside ? vld1q_s8(from) : padding);
    }
}

/* The columns of a tile that lie in the image: from `before` to before `behind`. */
typedef struct {
    uint32_t before, behind;
} span;

static inline span span_of(const nonn_conv_3x3_helium_params *params, int32_t x) {
    const int32_t room = params->in_w - x;
    const int32_t before = x >= 0 ? 0 : x > -6 ? -x : 6;
    const int32_t behind = room >= 6 ? 6 : room;
    return (span){(uint32_t)before, (uint32_t)(behind > before ? behind : before)};
}

/* The tile whose window begins at (y, x) of the image, as a panel of steps. */
static void take(const nonn_conv_3x3_helium_params *params, const int8_t *input, int32_t y,
                 int32_t x, int8_t *step) {
    const int8x16_t padding = vdupq_n_s8(params->zero_point);
    const uint32_t pitch = params->in_c;
    const int32_t row = params->in_w * params->in_c;
    const span inside = span_of(params, x);
    input += y * row + x * params->in_c;
    for (uint32_t slice = 0; slice < pitch; slice += 16, input += 16) {
        const int8_t *from = input;
        for (int32_t ky = y; ky < y + 3; ++ky, from += row, step += STEP) {
            const int there = ky >= 0 && ky < params->in_h;
            copy_step(step, from, pitch, there ? inside.before : 6, there ? inside.behind : 6,
                      padding);
        }
    }
}

static void convolve(const nonn_conv_3x3_helium_params *params, const int8_t *input,
                     nonn_helium_tiles *tiles) {
    const uint32_t slices = params->in_c / 16u;
    tiles->sum = nonn_conv_3x3_sum_steps;
    tiles->walk.steps = slices - 1;
    tiles->walk.pitch = 3 * STEP * slices;
    for (int32_t y = 0; y < params->out_h; ++y) {
        for (int32_t x = 0; x < params->out_w; x += 4) {
            /* The last tile begins over the end of the one before it. */
            const int32_t over = x + 4 > params->out_w ? x + 4 - params->out_w : 0;
            take(params, input, y - params->pad_h, x - over - params->pad_w, tiles->panel);
            tiles->output -= over * params->out_c;
            nonn_helium_add(tiles, 1);
        }
    }
}

/* For 16 channels, whose rows in the image serve as they are. */
static void convolve_narrow(const nonn_conv_3x3_helium_params *params, const int8_t *input,
                            nonn_helium_tiles *tiles) {
    const int8x16_t padding = vdupq_n_s8(params->zero_point);
    const int32_t row = params->in_w * 16;
    tiles->sum = nonn_conv_3x3_sum_rows;
    tiles->walk.pitch = ADDRESSES + 3 * STEP;
    for (int32_t y = 0; y < params->out_h; ++y) {
        const int32_t top = y - params->pad_h;
        const int whole = top >= 0 && top + 3 <= params->in_h;
        for (int32_t x = 0; x < params->out_w; x += 4) {
            const int32_t over = x + 4 > params->out_w ? x + 4 - params->out_w : 0;
            const int32_t left = x - over - params->pad_w;
            const int8_t *from = input + top * row + left * 16;
            int8_t *panel = tiles->panel;
            const int8_t **rows = (const int8_t **)(void *)panel;
            if (whole && left >= 0 && left + 6 <= params->in_w) {
                rows[0] = from;
                rows[1] = from + row;
                rows[2] = from + 2 * row;
            } else {
                const span inside = span_of(params, left);
                int8_t *step = panel + ADDRESSES;
                for (int32_t ky = top; ky < top + 3; ++ky, from += row, step += STEP) {
                    const int there = ky >= 0 && ky < params->in_h;
                    copy_step(step, from, 16, there ? inside.before : 6, there ? inside.behind : 6,
                              padding);
                    *rows++ = step;
                }
            }
            tiles->output -= over * params->out_c;
            nonn_helium_add(tiles, 1);
        }
    }
}

void nonn_conv_3x3_helium(const nonn_conv_3x3_helium_params *params, const int8_t *input,
                          int8_t *output, void *scratch) {
    const nonn_helium_filters filters = {
        params->out_c,          1,
        params->output_offset,  params->activation_min,
        params->activation_max, params->scale,
        params->weights,        params->constants,
    };
    nonn_helium_tiles tiles;
    nonn_helium_begin(&tiles, &filters, params->tiles, scratch, output);
    tiles.walk.panel -= tiles.walk.lead;
    tiles.walk.lead = 0;
    /* With more channels some outputs are written before all sums are known. */
    if (params->in_c == 16 && params->out_c <= NONN_HELIUM_CHANNELS) {
        convolve_narrow(params, input, &tiles);
    } else {
        convolve(params, input, &tiles);
    }
    nonn_helium_flush(&tiles);
}

#endif
