#include "nonn/kernels/conv_3x3_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "nonn/kernels/helium_tile.h"

#define STEP 96 /* bytes of the panel: six columns of 16 channels */

/* As helium_tile.c's, but from columns that four pixels share, which stay in q0 to q5: with kernel
 * column k pixel p takes column k + p. r1 is the step whose columns these are, r7 the slices of 16
 * channels behind the first, which is what `steps` means here. */
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
        "cbnz r7, 3f\n"
        "2:\n"
        "stm r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "subs r11, r11, #1\n"
        ".endm\n"
        ".macro nonn_3x3_slices move\n"
        "3:\n"
        "mov r9, r7\n"
        "4:\n"
        "nonn_3x3_step vmladava.s8, \\move\n"
        "nonn_3x3_step vmladava.s8, \\move\n"
        "nonn_3x3_step vmladava.s8, \\move\n"
        "subs r9, r9, #1\n"
        "bne 4b\n"
        "b 2b\n"
        ".endm\n"
        "push {r0, r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "ldr r2, [r0, #28]\n"
        "ldm r0, {r1, r3, r5, r7, r9, r11}\n"
        "mov r7, r9\n"
        "push {r1, r2}\n"
        "0:\n"
        "vldrw.u32 q0, [r1]\n"
        "vldrw.u32 q1, [r1, #16]\n"
        "vldrw.u32 q2, [r1, #32]\n"
        "vldrw.u32 q3, [r1, #48]\n"
        "vldrw.u32 q4, [r1, #64]\n"
        "vldrw.u32 q5, [r1, #80]\n"
        "1:\n"
        "nonn_3x3_pair 96\n"
        "bne 5f\n"
        "6:\n"
        "ldrd r1, r2, [sp]\n"
        "subs r2, r2, #1\n"
        "beq 7f\n"
        "ldr r0, [sp, #72]\n"
        "ldr r4, [r0, #32]\n"
        "add r1, r1, r4\n"
        "strd r1, r2, [sp]\n"
        "ldr r3, [r0, #4]\n"
        "ldr r11, [r0, #20]\n"
        "b 0b\n"
        "7:\n"
        "mov r0, r3\n"
        "add sp, sp, #8\n"
        "vpop {d8-d15}\n"
        "pop {r1, r4-r11, pc}\n"
        "nonn_3x3_slices 96\n"
        "5:\n"
        "nonn_3x3_pair -96\n"
        "bne 1b\n"
        "b 6b\n"
        "nonn_3x3_slices -96\n"
        ".purgem nonn_3x3_step\n"
        ".purgem nonn_3x3_pair\n"
        ".purgem nonn_3x3_slices\n");
}

/* Sixteen channels of six columns, `pitch` bytes apart, to a step of the panel. */
static inline void copy_step(int8_t *step, const int8_t *from, int32_t pitch) {
    const int8x16_t a = vld1q_s8(from);
    from += pitch;
    const int8x16_t b = vld1q_s8(from);
    vst1q_s8(step, a);
    from += pitch;
    const int8x16_t c = vld1q_s8(from);
    vst1q_s8(step + 16, b);
    from += pitch;
    const int8x16_t d = vld1q_s8(from);
    vst1q_s8(step + 32, c);
    from += pitch;
    const int8x16_t e = vld1q_s8(from);
    vst1q_s8(step + 48, d);
    from += pitch;
    const int8x16_t f = vld1q_s8(from);
    vst1q_s8(step + 64, e);
    vst1q_s8(step + 80, f);
}

/* The same where only the columns from `first` to before `behind` lie in the image. */
static void copy_edge(int8_t *step, const int8_t *from, int32_t pitch, int32_t first,
                      int32_t behind, int8x16_t zero_points) {
    int32_t column = 0;
    for (; column < first; ++column) {
        vst1q_s8(step + 16 * column, zero_points);
    }
    for (from += first * pitch; column < behind; ++column, from += pitch) {
        vst1q_s8(step + 16 * column, vld1q_s8(from));
    }
    for (; column < 6; ++column) {
        vst1q_s8(step + 16 * column, zero_points);
    }
}

/* The tile that begins with output (y, x). */
static void take(const nonn_conv_3x3_helium_params *params, const int8_t *input, int32_t y,
                 int32_t x, int8_t *step) {
    const int8x16_t zero_points = vdupq_n_s8(params->zero_point);
    const int32_t pitch = params->in_c;
    const int32_t row = params->in_w * pitch;
    y -= params->pad_h;
    x -= params->pad_w;
    const int inside = x >= 0 && x + 6 <= params->in_w;
    const int32_t first = x >= 0 ? 0 : -x;
    const int32_t behind = x + 6 <= params->in_w ? 6 : params->in_w - x;
    const int8_t *from = input + y * row + x * pitch;
    for (int32_t slice = 0; slice < pitch; slice += 16, from += 16) {
        const int8_t *line = from;
        for (int32_t ky = y; ky < y + 3; ++ky, line += row, step += STEP) {
            if (ky < 0 || ky >= params->in_h) {
                copy_edge(step, line, pitch, 6, 6, zero_points);
            } else if (inside) {
                copy_step(step, line, pitch);
            } else {
                copy_edge(step, line, pitch, first, behind, zero_points);
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
    nonn_helium_begin(&tiles, &filters, params->tiles, scratch, output);
    tiles.sum = sum_columns;
    tiles.walk.panel -= tiles.walk.lead;
    tiles.walk.lead = 0;
    tiles.walk.steps = params->in_c / 16u - 1;
    tiles.walk.pitch = 3 * STEP * (params->in_c / 16u);
    const int32_t last = params->out_w - 4;
    for (int32_t y = 0; y < params->out_h; ++y) {
        for (int32_t x = 0; x <= last; x += 4) {
            take(params, input, y, x, nonn_helium_panel(&tiles));
            nonn_helium_add(&tiles, 3);
        }
        if (params->out_w % 4 != 0) {
            /* Over the end of the tile before it. */
            take(params, input, y, last, nonn_helium_panel(&tiles));
            tiles.output -= (4 - params->out_w % 4) * params->out_c;
            nonn_helium_add(&tiles, 3);
        }
    }
    nonn_helium_flush(&tiles, 3);
}

#endif
