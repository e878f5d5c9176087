#include "nonn/kernels/conv_3x3_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "nonn/kernels/helium_tile.h"

#define STEP 96 /* bytes of the panel: six columns of 16 channels */

/* As helium_tile.c's, but from columns that four pixels share, which stay in q0 to q5: with kernel
 * column k pixel p takes column k + p. r1 is the step whose columns these are, r9 the slices of 16
 * channels behind the first. `steps` is the latter. */
__attribute__((naked)) static const int8_t *sum_columns(const nonn_helium_walk *walk) {
    (void)walk;
    __asm volatile(
        ".macro nonn_3x3_step mac, move\n"
        "vldrw.u32 q6, [r3], #16\n"
        ".if \\move\n"
        "vldrw.u32 q0, [r1, #\\move]!\n"
        ".endif\n"
        "\\mac r0, q0, q6\n"
        "vldrw.u32 q7, [r3], #16\n"
        "\\mac r8, q0, q7\n"
        ".if \\move\n"
        "vldrw.u32 q1, [r1, #16]\n"
        ".endif\n"
        "\\mac r2, q1, q6\n"
        "\\mac r10, q1, q7\n"
        ".if \\move\n"
        "vldrw.u32 q2, [r1, #32]\n"
        ".endif\n"
        "\\mac r4, q2, q6\n"
        "\\mac r12, q2, q7\n"
        ".if \\move\n"
        "vldrw.u32 q3, [r1, #48]\n"
        ".endif\n"
        "\\mac r6, q3, q6\n"
        "vldrw.u32 q6, [r3], #16\n"
        "\\mac lr, q3, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r0, q1, q6\n"
        "vmladava.s8 r8, q1, q7\n"
        ".if \\move\n"
        "vldrw.u32 q4, [r1, #64]\n"
        ".endif\n"
        "vmladava.s8 r2, q2, q6\n"
        "vmladava.s8 r10, q2, q7\n"
        "vmladava.s8 r4, q3, q6\n"
        "vmladava.s8 r12, q3, q7\n"
        "vmladava.s8 r6, q4, q6\n"
        "vldrw.u32 q6, [r3], #16\n"
        "vmladava.s8 lr, q4, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r0, q2, q6\n"
        "vmladava.s8 r8, q2, q7\n"
        ".if \\move\n"
        "vldrw.u32 q5, [r1, #80]\n"
        ".endif\n"
        "vmladava.s8 r2, q3, q6\n"
        "vmladava.s8 r10, q3, q7\n"
        "vmladava.s8 r4, q4, q6\n"
        "vmladava.s8 r12, q4, q7\n"
        "vmladava.s8 r6, q5, q6\n"
        "vmladava.s8 lr, q5, q7\n"
        ".endm\n"
        ".macro nonn_3x3_pair move\n"
        "nonn_3x3_step vmladav.s8, 0\n"
        "nonn_3x3_step vmladava.s8, \\move\n"
        "nonn_3x3_step vmladava.s8, \\move\n"
        "movs r7, r9\n"
        "beq 3f\n"
        "2:\n"
        "nonn_3x3_step vmladava.s8, \\move\n"
        "nonn_3x3_step vmladava.s8, \\move\n"
        "nonn_3x3_step vmladava.s8, \\move\n"
        "subs r7, r7, #1\n"
        "bne 2b\n"
        "3:\n"
        "stm r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "subs r11, r11, #1\n"
        ".endm\n"
        "push {r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "ldm r0, {r1, r3, r5, r7, r9, r11}\n"
        "vldrw.u32 q0, [r1]\n"
        "vldrw.u32 q1, [r1, #16]\n"
        "vldrw.u32 q2, [r1, #32]\n"
        "vldrw.u32 q3, [r1, #48]\n"
        "vldrw.u32 q4, [r1, #64]\n"
        "vldrw.u32 q5, [r1, #80]\n"
        "1:\n"
        "nonn_3x3_pair 96\n"
        "beq 4f\n"
        "nonn_3x3_pair -96\n"
        "bne 1b\n"
        "4:\n"
        "mov r0, r3\n"
        "vpop {d8-d15}\n"
        "pop {r4-r11, pc}\n"
        ".purgem nonn_3x3_step\n"
        ".purgem nonn_3x3_pair\n");
}

/* Channels of one column to its slices in a row of the panel. */
static inline void copy_column(int8_t *panel, const int8_t *from, uint32_t slices) {
    __asm volatile(
        "dls lr, %2\n"
        "1:\n"
        "vldrb.u8 q0, [%1], #16\n"
        "vstrw.32 q0, [%0], #288\n"
        "le lr, 1b\n"
        : "+r"(panel), "+r"(from)
        : "r"(slices)
        : "lr", "q0", "memory");
}

_Static_assert(3 * STEP == 288, "from a slice to the next");

static inline void pad_column(int8_t *panel, int8x16_t zero_points, uint32_t slices) {
    for (; slices > 0; --slices, panel += 3 * STEP) {
        vst1q_s8(panel, zero_points);
    }
}

/* Six columns of 16 channels that follow each other. */
static inline void copy_step(int8_t *panel, const int8_t *from) {
    const int8x16_t a = vld1q_s8(from);
    const int8x16_t b = vld1q_s8(from + 16);
    vst1q_s8(panel, a);
    const int8x16_t c = vld1q_s8(from + 32);
    vst1q_s8(panel + 16, b);
    const int8x16_t d = vld1q_s8(from + 48);
    vst1q_s8(panel + 32, c);
    const int8x16_t e = vld1q_s8(from + 64);
    vst1q_s8(panel + 48, d);
    const int8x16_t f = vld1q_s8(from + 80);
    vst1q_s8(panel + 64, e);
    vst1q_s8(panel + 80, f);
}

/* The tile that begins with output (y, x). */
static void take(const nonn_conv_3x3_helium_params *params, const int8_t *input, int32_t y,
                 int32_t x, int8_t *panel) {
    const int8x16_t zero_points = vdupq_n_s8(params->zero_point);
    const uint32_t slices = params->in_c / 16u;
    y -= params->pad_h;
    x -= params->pad_w;
    for (int32_t ky = 0; ky < 3; ++ky, ++y, panel += STEP) {
        const int there = y >= 0 && y < params->in_h;
        /* The columns that lie in the image. */
        const int32_t first = x >= 0 ? 0 : -x;
        const int32_t behind = !there ? first : x + 6 <= params->in_w ? 6 : params->in_w - x;
        const int8_t *from = input + (y * params->in_w + x) * params->in_c;
        if (behind - first == 6 && slices == 1) {
            copy_step(panel, from);
            continue;
        }
        for (int32_t column = 0; column < 6; ++column) {
            if (column >= first && column < behind) {
                copy_column(panel + 16 * column, from + column * params->in_c, slices);
            } else {
                pad_column(panel + 16 * column, zero_points, slices);
            }
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
    nonn_helium_begin(&tiles, &filters, scratch);
    tiles.sum = sum_columns;
    tiles.walk.panel = tiles.panel;
    tiles.walk.steps = params->in_c / 16u - 1;
    const int32_t last = params->out_w - 4;
    for (int32_t y = 0; y < params->out_h; ++y) {
        for (int32_t x = 0; x < params->out_w; x += 4) {
            const int32_t first = x < last ? x : last;
            take(params, input, y, first, tiles.panel);
            nonn_helium_tile(&tiles, output + first * params->out_c, 3);
        }
        output += params->out_w * params->out_c;
    }
}

#endif
