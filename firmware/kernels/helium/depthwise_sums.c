#include "depthwise_sums.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <stddef.h>

#include "requantize_helium.h"

_Static_assert(offsetof(nonn_depthwise_work, cells) == 24 &&
                   offsetof(nonn_depthwise_work, weights_end) == 44 &&
                   offsetof(nonn_depthwise_work, constants_end) == 52 &&
                   NONN_DEPTHWISE_HELIUM_TRIPLES == 4,
               "as the code below reads them");

/* Sums: the last channel comes first. r0, r2, r4, r6 accumulate (VMLADAV takes even registers
 * only). r1 is where the sums go, r5 short-lived, r7 the channel in the cells, r8 the units, r9 the
 * next unit, r10 and r11 what takes r9 back to the first unit and r1 to the channel before. q1 is
 * the address of a patch in the first cells of the channel, q2 that of the next, q4-q7 the filter
 * in its places. Kept all along: r3 the constants, r12 the weights, q3 the address of the first
 * patch of four channels. */
__asm__(
    /* The filter in the four places of a patch: a row is a byte, a column a word. */
    ".macro nonn_depthwise_filter\n"
    "1:\n"
    "vldrw.u32 q4, [r12], #16\n"
    "vadd.i32 q1, q3, r7\n"
    "vldrw.u32 q6, [r12, #-20]\n"
    "vshl.i32 q5, q4, #8\n"
    "vshl.i32 q7, q6, #8\n"
    "dls lr, r8\n"
    "2:\n"
    ".endm\n"
    ".macro nonn_depthwise_end\n"
    "le lr, 2b\n"
    "subs r9, r9, r10\n"
    "subs r1, r1, r11\n"
    "subs r7, #4\n"
    "bpl 1b\n"
    ".endm\n"
    ".macro nonn_depthwise_at bytes_to_next\n"
    "ldrh r5, [r9], #\\bytes_to_next\n"
    "vadd.i32 q2, q1, r5\n"
    ".endm\n"
    ".macro nonn_depthwise_patch offset\n"
    "vldrw.u32 q0, [q2, #\\offset]\n"
    "vmladav.s8 r0, q0, q4\n"
    "vmladav.s8 r2, q0, q5\n"
    "vmladav.s8 r4, q0, q6\n"
    "vmladav.s8 r6, q0, q7\n"
    ".endm\n"
    ".macro nonn_depthwise_half offset first second\n"
    "vldrw.u32 q0, [q2, #\\offset]\n"
    "vmladav.s8 \\first, q0, q4\n"
    "vmladav.s8 \\second, q0, q5\n"
    ".endm\n"
    ".macro nonn_depthwise_last bytes=160\n"
    "strd r4, r6, [r1, #8]\n"
    "strd r0, r2, [r1], #\\bytes\n"
    ".endm\n"
    /* Stride 2: q4 is the filter for the first of two outputs, q5 for the second. Both take of the
     * same words all but one, which q7 and the predicate leave out. */
    ".macro nonn_depthwise_filters\n"
    "1:\n"
    "vpst\n"
    "vldrwt.u32 q5, [r12, #-4]\n"
    "vldrw.u32 q4, [r12], #16\n"
    "vadd.i32 q1, q3, r7\n"
    "vand q4, q4, q7\n"
    "dls lr, r8\n"
    "2:\n"
    ".endm\n"
    /* Four outputs of four channels, which r4-r11 are the constants of and `next` bytes lie between
     * the sums of. */
    ".macro nonn_depthwise_scale at next\n"
    "vmlas.s32 q0, q6, r4\n"
    "vldrw.u32 q2, [r0, #\\at + 2 * \\next]\n"
    "vqrdmulh.s32 q0, q0, r5\n"
    "vldrw.u32 q1, [r0, #\\at + \\next]\n"
    "vmlas.s32 q2, q6, r8\n"
    "vldrw.u32 q4, [r0, #\\at + 3 * \\next]\n"
    "vqrdmulh.s32 q2, q2, r9\n"
    "vmlas.s32 q1, q6, r6\n"
    "vmlas.s32 q4, q6, r10\n"
    "vqrdmulh.s32 q1, q1, r7\n"
    "vqrdmulh.s32 q4, q4, r11\n"
    "vqrshrnb.s32 q0, q0, #14\n"
    "vqrshrnb.s32 q1, q1, #14\n"
    "vqrshrnt.s32 q0, q2, #14\n"
    "vqrshrnt.s32 q1, q4, #14\n"
    "vqmovnb.s16 q0, q0\n"
    "vqmovnt.s16 q0, q1\n"
    "vstrw.32 q0, [r2, q5]\n"
    ".endm\n"
    ".macro nonn_depthwise_next_scale at next\n"
    "vldrw.u32 q0, [r0, #\\at]\n"
    "vldrh.u32 q5, [r1, #\\at / 2]\n"
    "nonn_depthwise_scale \\at \\next\n"
    ".endm\n"
    /* r2 is the scale, r8 the units. */
    ".macro nonn_depthwise_constants\n"
    "dls lr, r8\n"
    "ldm r3!, {r2, r4-r11}\n"
    "vdup.32 q6, r2\n"
    "cmp r2, #0\n"
    "beq .Lgeneral\n"
    "ldr r2, [sp]\n"
    ".endm\n");

/* One function, since its parts hand each other nothing but the work and want all registers. */
__attribute__((naked)) void nonn_depthwise_run(nonn_depthwise_work *work) {
    (void)work;
    __asm volatile(
        "push {r0, r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "add r7, r0, #24\n"
        "ldm r7, {r1, r2, r4-r6, r8}\n"
        "push {r5, r8}\n" /* output, end of the weights */
        "mov r12, r4\n"
        "mov r3, r6\n"
        "adr r7, .Lkinds\n"
        "ldr r8, [r7, r2, lsl #2]\n"
        "str r8, [r0, #4]\n"
        "adr r7, .Lwhole\n"
        "cmp r2, #4\n"
        "it hs\n"
        "addhs r7, #16\n"
        "vldrw.u32 q3, [r7]\n"
        "vldrw.u32 q7, [r7, #16]\n"
        "vadd.i32 q3, q3, r1\n"
        "movw r7, #0xfff0\n"
        "vmsr p0, r7\n"

        ".Lfour:\n"
        "ldr r0, [sp, #72]\n"
        "ldm r0, {r1, r5, r8-r11}\n"
        "movs r7, #12\n"
        "bx r5\n"

        ".balign 4\n"
        ".Lkinds:\n"
        ".word .Lsix + 1, .Lfive + 1, .Lpatches + 1, .Lnine + 1\n"
        ".word .Ltriples + 1, .Lpairs + 1, .Lnine_pairs + 1\n"
        /* Of the cells that a gather takes, stride 1 and 2; and what q7 leaves. */
        ".Lwhole:\n"
        ".word 0, 64, 128, 192\n"
        ".word 0, 64, 192, 128\n"
        ".word -1, -1, 0, -1\n"

        ".Lsix:\n"
        "nonn_depthwise_filter\n"
        "nonn_depthwise_at 36\n"
        "nonn_depthwise_patch 0\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_patch 128\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_patch 256\n"
        "nonn_depthwise_last\n"
        "nonn_depthwise_end\n"
        "b .Lsummed\n"

        ".Lpatches:\n"
        "nonn_depthwise_filter\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_patch 0\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_patch 0\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_at 32\n"
        "nonn_depthwise_patch 0\n"
        "nonn_depthwise_last\n"
        "nonn_depthwise_end\n"
        "b .Lsummed\n"

        ".Lnine:\n"
        "nonn_depthwise_filter\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_patch 0\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "vldrw.u32 q0, [q2, #64]\n"
        "vmladav.s8 r0, q0, q6\n"
        "vmladav.s8 r2, q0, q7\n"
        "nonn_depthwise_at 34\n"
        "vldrw.u32 q0, [q2]\n"
        "vmladav.s8 r4, q0, q5\n"
        "vmladav.s8 r6, q0, q7\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "vldrw.u32 q0, [q2, #64]\n"
        "vmladav.s8 r0, q0, q7\n"
        "nonn_depthwise_last\n"
        "nonn_depthwise_end\n"
        "b .Lsummed\n"

        ".Lpairs:\n"
        "nonn_depthwise_filters\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_half 0 r0 r2\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_half 0 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_half 0 r0 r2\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_half 0 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_half 0 r0 r2\n"
        "nonn_depthwise_at 26\n"
        "nonn_depthwise_half 0 r4 r6\n"
        "nonn_depthwise_last\n"
        "nonn_depthwise_end\n"
        "b .Lsummed\n"

        ".Lnine_pairs:\n"
        "nonn_depthwise_filters\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_half 0 r0 r2\n"
        "vldrw.u32 q0, [q2, #192]\n"
        "vmladav.s8 r4, q0, q4\n"
        "nonn_depthwise_at 2\n"
        "vldrw.u32 q0, [q2, #192]\n"
        "vmladav.s8 r6, q0, q4\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_half 0 r0 r2\n"
        "nonn_depthwise_at 32\n"
        "nonn_depthwise_half 0 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "vldrw.u32 q0, [q2, #192]\n"
        "vmladav.s8 r0, q0, q4\n"
        "nonn_depthwise_last\n"
        "nonn_depthwise_end\n"
        "b .Lsummed\n"

        ".Ltriples:\n"
        "nonn_depthwise_filters\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_half 0 r0 r2\n"
        "nonn_depthwise_half 192 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_half 384 r0 r2\n"
        "nonn_depthwise_at 34\n"
        "nonn_depthwise_half 0 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_half 192 r0 r2\n"
        "nonn_depthwise_half 384 r4 r6\n"
        "nonn_depthwise_last\n"
        "nonn_depthwise_end\n"

        /* Outputs. r1 is behind the first channel's sums by one channel. r0 and the table in r1
         * start a unit early: the first loads move on. */
        ".Lsummed:\n"
        "sub r0, r1, #144\n"
        "sub r1, r9, #24\n"
        "nonn_depthwise_constants\n"
        "1:\n"
        "vldrw.u32 q0, [r0, #192]!\n"
        "vldrh.u32 q5, [r1, #36]!\n"
        "nonn_depthwise_scale 0 48\n"
        "nonn_depthwise_next_scale 16 48\n"
        "nonn_depthwise_next_scale 32 48\n"
        "le lr, 1b\n"

        /* The next four channels. */
        ".Lnext:\n"
        "adds r2, #4\n"
        "ldr r6, [sp, #4]\n"
        "str r2, [sp]\n"
        "movs r4, #16\n"
        "vadd.i32 q3, q3, r4\n"
        "cmp r12, r6\n"
        "bne .Lfour\n"
        "add sp, #8\n"
        "vpop {d8-d15}\n"
        "pop {r0, r4-r11, lr}\n"
        "str r3, [r0, #52]\n"
        "bx lr\n"

        /* 20 outputs. */
        ".Lfive:\n"
        "nonn_depthwise_filter\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_patch 0\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_patch 128\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_half 256 r0 r2\n"
        "nonn_depthwise_at 42\n"
        "nonn_depthwise_half 256 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_patch 0\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_patch 128\n"
        "nonn_depthwise_last 256\n"
        "nonn_depthwise_end\n"
        "sub r0, r1, #240\n"
        "sub r1, r9, #40\n"
        "nonn_depthwise_constants\n"
        "1:\n"
        "vldrw.u32 q0, [r0, #320]!\n"
        "vldrh.u32 q5, [r1, #44]!\n"
        "nonn_depthwise_scale 0 80\n"
        "nonn_depthwise_next_scale 16 80\n"
        "nonn_depthwise_next_scale 32 80\n"
        "nonn_depthwise_next_scale 48 80\n"
        "nonn_depthwise_next_scale 64 80\n"
        "le lr, 1b\n"
        "b .Lnext\n"

        /* Constants of three words a channel, and no scale. */
        ".Lgeneral:\n"
        "ldr r0, [sp, #72]\n"
        "sub r1, r3, #32\n"
        "ldr r2, [sp]\n"
        "adds r3, #16\n"
        "vmrs r4, p0\n"
        "push {r3, r4, r12, lr}\n"
        "vpush {d6-d7}\n"
        "bl nonn_depthwise_outputs\n"
        "vpop {d6-d7}\n"
        "pop {r3, r4, r12, lr}\n"
        "vmsr p0, r4\n"
        "ldr r2, [sp]\n"
        "b .Lnext\n");
}

void nonn_depthwise_outputs(const nonn_depthwise_work *work, const int32_t *constants,
                            int8_t *output) {
    const nonn_depthwise_helium_params *params = work->params;
    const uint32_t pixels = NONN_DEPTHWISE_HELIUM_PIXELS(work->kind);
    const uint32_t from = NONN_DEPTHWISE_HELIUM_FROM(work->kind);
    const int16_t offset = params->output_offset;
    const int8_t low = params->activation_min, high = params->activation_max;
    const int32_t *sums = work->sums - 3 * pixels;
    const uint16_t *to = work->unit + from;
    for (uint32_t u = 0; u < work->units; ++u, sums += 4 * pixels, to += from + pixels) {
        for (uint32_t part = 0; part < pixels; part += 4) {
            int32x4_t x[4];
            for (uint32_t c = 0; c < 4; ++c) {
                const int32_t *of = constants + 3 * c;
                const int32x4_t sum = vaddq_n_s32(vldrwq_s32(sums + pixels * c + part), of[0]);
                x[c] = nonn_helium_scale(sum, of[1], of[2]);
            }
            const int8x16_t narrow = nonn_helium_narrow(x[0], x[1], x[2], x[3], offset, low, high);
            vstrwq_scatter_offset_s32((int32_t *)(void *)output, vldrhq_u32(to + part),
                                      (int32x4_t)narrow);
        }
    }
}

#endif
