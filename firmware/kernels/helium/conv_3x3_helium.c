#include "nonn/kernels/conv_3x3_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "nonn/kernels/helium_tile.h"

#define STEP 96      /* bytes of the panel: six columns of 16 channels */
#define ADDRESSES 16 /* bytes of a panel that has three */

/* The columns of a step stay in q0 to q5; with kernel column k pixel p takes column k + p. The
 * first one is at `first`, the others behind `row`; where there is no row they are there already.
 */
#define STEP_MACRO                           \
    ".macro nonn_3x3_step mac, row, first\n" \
    "vldrw.u32 q6, [r3], #16\n"              \
    ".ifnb \\row\n"                          \
    "vldrw.u32 q0, \\first\n"                \
    ".endif\n"                               \
    "\\mac r0, q0, q6\n"                     \
    "vldrw.u32 q7, [r3], #16\n"              \
    "\\mac r8, q0, q7\n"                     \
    ".ifnb \\row\n"                          \
    "vldrw.u32 q1, [\\row, #16]\n"           \
    ".endif\n"                               \
    "\\mac r2, q1, q6\n"                     \
    "\\mac r10, q1, q7\n"                    \
    ".ifnb \\row\n"                          \
    "vldrw.u32 q2, [\\row, #32]\n"           \
    ".endif\n"                               \
    "\\mac r4, q2, q6\n"                     \
    "\\mac r12, q2, q7\n"                    \
    ".ifnb \\row\n"                          \
    "vldrw.u32 q3, [\\row, #48]\n"           \
    ".endif\n"                               \
    "\\mac r6, q3, q6\n"                     \
    "vldrw.u32 q6, [r3], #16\n"              \
    "\\mac lr, q3, q7\n"                     \
    "vldrw.u32 q7, [r3], #16\n"              \
    "vmladava.s8 r0, q1, q6\n"               \
    "vmladava.s8 r8, q1, q7\n"               \
    ".ifnb \\row\n"                          \
    "vldrw.u32 q4, [\\row, #64]\n"           \
    ".endif\n"                               \
    "vmladava.s8 r2, q2, q6\n"               \
    "vmladava.s8 r10, q2, q7\n"              \
    "vmladava.s8 r4, q3, q6\n"               \
    "vmladava.s8 r12, q3, q7\n"              \
    "vmladava.s8 r6, q4, q6\n"               \
    "vldrw.u32 q6, [r3], #16\n"              \
    "vmladava.s8 lr, q4, q7\n"               \
    "vldrw.u32 q7, [r3], #16\n"              \
    "vmladava.s8 r0, q2, q6\n"               \
    "vmladava.s8 r8, q2, q7\n"               \
    ".ifnb \\row\n"                          \
    "vldrw.u32 q5, [\\row, #80]\n"           \
    ".endif\n"                               \
    "vmladava.s8 r2, q3, q6\n"               \
    "vmladava.s8 r10, q3, q7\n"              \
    "vmladava.s8 r4, q4, q6\n"               \
    "vmladava.s8 r12, q4, q7\n"              \
    "vmladava.s8 r6, q5, q6\n"               \
    "vmladava.s8 lr, q5, q7\n"               \
    ".endm\n"

/* As helium_tile.c's, but from columns that four pixels share. r1 is the step whose columns are in
 * the registers, r7 the slices of 16 channels behind the first, which is what `steps` means here.
 */
__attribute__((naked)) static const int8_t *sum_columns(const nonn_helium_walk *walk) {
    (void)walk;
    __asm volatile(STEP_MACRO
                   ".macro nonn_3x3_pair move\n"
                   "nonn_3x3_step vmladav.s8\n"
                   "nonn_3x3_step vmladava.s8, r1, \"[r1, #\\move]!\"\n"
                   "nonn_3x3_step vmladava.s8, r1, \"[r1, #\\move]!\"\n"
                   "cbnz r7, 3f\n"
                   "2:\n"
                   "stm r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                   "subs r11, r11, #1\n"
                   ".endm\n"
                   ".macro nonn_3x3_slices move\n"
                   "3:\n"
                   "mov r9, r7\n"
                   "4:\n"
                   "nonn_3x3_step vmladava.s8, r1, \"[r1, #\\move]!\"\n"
                   "nonn_3x3_step vmladava.s8, r1, \"[r1, #\\move]!\"\n"
                   "nonn_3x3_step vmladava.s8, r1, \"[r1, #\\move]!\"\n"
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

/* The same of 16 channels, straight from where the three rows lie: a panel begins with their
 * addresses, which go to r1, r7 and r9. */
__attribute__((naked)) static const int8_t *sum_rows(const nonn_helium_walk *walk) {
    (void)walk;
    __asm volatile(STEP_MACRO
                   "push {r0, r4-r11, lr}\n"
                   "vpush {d8-d15}\n"
                   "ldr r6, [r0, #28]\n"
                   "ldr r4, [r0]\n"
                   "ldr r5, [r0, #8]\n"
                   "push {r4, r6}\n"
                   "0:\n"
                   "ldr r3, [r0, #4]\n"
                   "ldr r11, [r0, #20]\n"
                   "ldm r4, {r1, r7, r9}\n"
                   "vldrw.u32 q0, [r1]\n"
                   "vldrw.u32 q1, [r1, #16]\n"
                   "vldrw.u32 q2, [r1, #32]\n"
                   "vldrw.u32 q3, [r1, #48]\n"
                   "vldrw.u32 q4, [r1, #64]\n"
                   "vldrw.u32 q5, [r1, #80]\n"
                   "1:\n"
                   "nonn_3x3_step vmladav.s8\n"
                   "nonn_3x3_step vmladava.s8, r7, [r7]\n"
                   "nonn_3x3_step vmladava.s8, r9, [r9]\n"
                   "stm r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                   "subs r11, r11, #1\n"
                   "beq 2f\n"
                   "nonn_3x3_step vmladav.s8\n"
                   "nonn_3x3_step vmladava.s8, r7, [r7]\n"
                   "nonn_3x3_step vmladava.s8, r1, [r1]\n"
                   "stm r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
                   "subs r11, r11, #1\n"
                   "bne 1b\n"
                   "2:\n"
                   "ldrd r4, r6, [sp]\n"
                   "subs r6, r6, #1\n"
                   "beq 3f\n"
                   "ldr r0, [sp, #72]\n"
                   "ldr r2, [r0, #32]\n"
                   "add r4, r4, r2\n"
                   "strd r4, r6, [sp]\n"
                   "b 0b\n"
                   "3:\n"
                   "mov r0, r3\n"
                   "add sp, sp, #8\n"
                   "vpop {d8-d15}\n"
                   "pop {r1, r4-r11, pc}\n"
                   ".purgem nonn_3x3_step\n");
}

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
    tiles->sum = sum_columns;
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
    tiles->sum = sum_rows;
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
