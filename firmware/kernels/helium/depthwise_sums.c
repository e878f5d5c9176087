#include "depthwise_sums.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <stddef.h>

#include "requantize.h"

/* Of the cells that a gather takes; of the words of the two filters of stride 2, and what the words
 * of the second are multiplied by. */
static const uint32_t whole[4] = {0, 64, 128, 192};
static const uint32_t half[16] = {0, 64, 192, 128, 0, 4, 0, 8, 0, 0, 4, 8, 0, 1, 1, 1 << 16};

_Static_assert(offsetof(nonn_depthwise_work, units) == 8 &&
                   offsetof(nonn_depthwise_work, sums) == 16 &&
                   offsetof(nonn_depthwise_work, constants) == 20 &&
                   offsetof(nonn_depthwise_work, output) == 24 &&
                   offsetof(nonn_depthwise_work, fours) == 28 &&
                   offsetof(nonn_depthwise_work, kind) == 32 &&
                   offsetof(nonn_depthwise_work, params) == 36,
               "as the code below reads them");

/* Sums: the last channel comes first. r0, r2, r4, r6 accumulate (VMLADAV takes even registers
 * only). r1 is where the sums go, r3 the weights, r5 short-lived, r8 the units, r9 the next unit,
 * r10 and r11 what takes r9 and r1 back to the first one, r12 the channel in the cells. q1 is the
 * address of a patch in the first cells of the channel, q2 that of the next, q4-q7 the filter in
 * its places. */
__asm__(
    ".macro nonn_depthwise_begin table\n"
    "ldm r0, {r1, r3, r8, r9, r10}\n"
    "ldr r4, =\\table\n"
    "vldrw.u32 q3, [r4]\n"
    "vadd.i32 q3, q3, r1\n"
    "adds r3, #36\n"
    "add r1, r10, #144\n"
    "mov r11, #192\n"
    "mov r12, #48\n"
    "mla r11, r8, r11, r12\n"
    "mov r10, #36\n"
    "mul r10, r8, r10\n"
    "mov r12, #12\n"
    ".endm\n"
    /* The filter in the four places of a patch: a row is a byte, a column a word. */
    ".macro nonn_depthwise_filter\n"
    "mov r5, #0x0fff\n"
    "vmsr p0, r5\n"
    "1:\n"
    "vpst\n"
    "vldrwt.u32 q4, [r3], #-12\n"
    "movs r5, #0\n"
    "vmov q6, q4\n"
    "vshlc q6, r5, #32\n"
    "vshl.i32 q5, q4, #8\n"
    "vshl.i32 q7, q6, #8\n"
    "vadd.i32 q1, q3, r12\n"
    "dls lr, r8\n"
    "2:\n"
    ".endm\n"
    ".macro nonn_depthwise_end\n"
    "subs r9, r9, r10\n"
    "subs r1, r1, r11\n"
    "subs r12, #4\n"
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
    ".macro nonn_depthwise_last\n"
    "strd r4, r6, [r1, #8]\n"
    "strd r0, r2, [r1], #160\n"
    ".endm\n"
    /* Stride 2: q4 is the filter for the first of two outputs, q5 for the second. */
    ".macro nonn_depthwise_filters\n"
    "movw r5, #0xf0ff\n"
    "vmsr p0, r5\n"
    "sub r7, r12, #16\n"
    "vadd.i32 q1, q3, r12\n"
    "vldrw.u32 q3, [r4, #16]\n"
    "vldrw.u32 q6, [r4, #32]\n"
    "vldrw.u32 q7, [r4, #48]\n"
    "1:\n"
    "vpst\n"
    "vldrwt.u32 q4, [r3, q3]\n"
    "vldrw.u32 q5, [r3, q6]\n"
    "subs r3, #12\n"
    "vmul.i32 q5, q5, q7\n"
    "dls lr, r8\n"
    "2:\n"
    ".endm\n"
    ".macro nonn_depthwise_pair offset first second\n"
    "vldrw.u32 q0, [q2, #\\offset]\n"
    "vmladav.s8 \\first, q0, q4\n"
    "vmladav.s8 \\second, q0, q5\n"
    ".endm\n"
    ".macro nonn_depthwise_filters_end\n"
    "le lr, 2b\n"
    "vadd.i32 q1, q1, r7\n"
    "nonn_depthwise_end\n"
    ".endm\n"
    /* Four outputs of four channels, which r4-r11 are the constants of. */
    ".macro nonn_depthwise_scale at\n"
    "vmlas.s32 q0, q5, r4\n"
    "vldrw.u32 q2, [r0, #\\at + 96]\n"
    "vqrdmulh.s32 q0, q0, r5\n"
    "vldrw.u32 q1, [r0, #\\at + 48]\n"
    "vmlas.s32 q2, q5, r8\n"
    "vldrw.u32 q3, [r0, #\\at + 144]\n"
    "vqrdmulh.s32 q2, q2, r9\n"
    "vmlas.s32 q1, q5, r6\n"
    "vmlas.s32 q3, q5, r10\n"
    "vqrdmulh.s32 q1, q1, r7\n"
    "vqrdmulh.s32 q3, q3, r11\n"
    "vqrshrnb.s32 q0, q0, #14\n"
    "vqrshrnb.s32 q1, q1, #14\n"
    "vqrshrnt.s32 q0, q2, #14\n"
    "vqrshrnt.s32 q1, q3, #14\n"
    "vqmovnb.s16 q0, q0\n"
    "vqmovnt.s16 q0, q1\n"
    "vstrw.32 q0, [r2, q4]\n"
    ".endm\n");

/* One function, since its parts hand each other nothing but the work and want all registers. */
__attribute__((naked)) void nonn_depthwise_run(nonn_depthwise_work *work) {
    (void)work;
    __asm volatile(
        "push {r0, r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        ".Lfour:\n"
        "ldr r2, [r0, #32]\n"
        "tbh [pc, r2, lsl #1]\n"
        ".Lkinds:\n"
        ".short (.Lsix - .Lkinds) / 2, (.Lfive - .Lkinds) / 2, (.Lpatches - .Lkinds) / 2\n"
        ".short (.Ltriples - .Lkinds) / 2, (.Lpairs - .Lkinds) / 2\n"

        ".Lsix:\n"
        "nonn_depthwise_begin %c0\n"
        "nonn_depthwise_filter\n"
        "nonn_depthwise_at 36\n"
        "nonn_depthwise_patch 0\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_patch 128\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_patch 256\n"
        "nonn_depthwise_last\n"
        "le lr, 2b\n"
        "nonn_depthwise_end\n"
        "b .Lsummed\n"

        ".Lfive:\n"
        "nonn_depthwise_begin %c0\n"
        "nonn_depthwise_filter\n"
        "nonn_depthwise_at 36\n"
        "nonn_depthwise_patch 0\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_patch 128\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "vldrw.u32 q0, [q2, #256]\n"
        "vmladav.s8 r0, q0, q4\n"
        "vmladav.s8 r2, q0, q5\n"
        "strd r0, r2, [r1, #8]\n"
        "strd r0, r2, [r1], #160\n"
        "le lr, 2b\n"
        "nonn_depthwise_end\n"
        "b .Lsummed\n"

        ".Lpatches:\n"
        "nonn_depthwise_begin %c0\n"
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
        "le lr, 2b\n"
        "nonn_depthwise_end\n"
        "b .Lsummed\n"

        ".Lpairs:\n"
        "nonn_depthwise_begin %c1\n"
        "nonn_depthwise_filters\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_pair 0 r0 r2\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_pair 0 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_pair 0 r0 r2\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_pair 0 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_pair 0 r0 r2\n"
        "nonn_depthwise_at 26\n"
        "nonn_depthwise_pair 0 r4 r6\n"
        "nonn_depthwise_last\n"
        "nonn_depthwise_filters_end\n"
        "b .Lsummed\n"
        ".ltorg\n"

        ".Ltriples:\n"
        "nonn_depthwise_begin %c1\n"
        "nonn_depthwise_filters\n"
        "nonn_depthwise_at 2\n"
        "nonn_depthwise_pair 0 r0 r2\n"
        "nonn_depthwise_pair 192 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_pair 384 r0 r2\n"
        "nonn_depthwise_at 34\n"
        "nonn_depthwise_pair 0 r4 r6\n"
        "stm r1!, {r0, r2, r4, r6}\n"
        "nonn_depthwise_pair 192 r0 r2\n"
        "nonn_depthwise_pair 384 r4 r6\n"
        "nonn_depthwise_last\n"
        "nonn_depthwise_filters_end\n"

        /* Outputs. r0 is 192 before the unit's sums, r1 a table before its pixels: the first loads
         * move on. */
        ".Lsummed:\n"
        "ldr r12, [sp, #64]\n"
        "ldrd lr, r1, [r12, #8]\n"
        "ldrd r0, r3, [r12, #16]\n"
        "ldr r2, [r12, #24]\n"
        "ldr r4, [r3], #4\n"
        "cmp r4, #0\n"
        "beq .Lgeneral\n"
        "vdup.32 q5, r4\n"
        "ldm r3!, {r4-r11}\n"
        "subs r0, #192\n"
        "subs r1, #24\n"
        "dls lr, lr\n"
        "1:\n"
        "vldrw.u32 q0, [r0, #192]!\n"
        "vldrh.u32 q4, [r1, #36]!\n"
        "nonn_depthwise_scale 0\n"
        "vldrw.u32 q0, [r0, #16]\n"
        "vldrh.u32 q4, [r1, #8]\n"
        "nonn_depthwise_scale 16\n"
        "vldrw.u32 q0, [r0, #32]\n"
        "vldrh.u32 q4, [r1, #16]\n"
        "nonn_depthwise_scale 32\n"
        "le lr, 1b\n"

        /* The next four channels. */
        ".Lnext:\n"
        "ldr r0, [sp, #64]\n"
        "adds r2, #4\n"
        "ldrd r4, r5, [r0]\n"
        "ldr r6, [r0, #28]\n"
        "adds r4, #16\n"
        "adds r5, #48\n"
        "strd r4, r5, [r0]\n"
        "strd r3, r2, [r0, #20]\n"
        "subs r6, #1\n"
        "str r6, [r0, #28]\n"
        "bne .Lfour\n"
        "vpop {d8-d15}\n"
        "pop {r0, r4-r11, pc}\n"

        ".Lgeneral:\n"
        "mov r0, r12\n"
        "bl nonn_depthwise_outputs\n"
        "ldr r12, [sp, #64]\n"
        "ldrd r3, r2, [r12, #20]\n"
        "adds r3, #52\n"
        "b .Lnext\n"
        ".ltorg\n"
        :
        : "i"(whole), "i"(half));
}

void nonn_depthwise_outputs(const nonn_depthwise_work *work) {
    const nonn_depthwise_helium_params *params = work->params;
    const int32_t *constants = work->constants + 1;
    const int16_t offset = params->output_offset;
    const int8_t low = params->activation_min, high = params->activation_max;
    const int32_t *sums = work->sums;
    const uint16_t *to = work->unit + NONN_DEPTHWISE_HELIUM_FROM;
    for (uint32_t u = 0; u < work->units; ++u, sums += 48, to += NONN_DEPTHWISE_HELIUM_UNIT) {
        for (uint32_t part = 0; part < 12; part += 4) {
            int32x4_t x[4];
            for (uint32_t c = 0; c < 4; ++c) {
                const int32_t *of = constants + 3 * c;
                const int32x4_t sum = vaddq_n_s32(vldrwq_s32(sums + 12 * c + part), of[0]);
                x[c] = nonn_helium_scale(sum, of[1], of[2]);
            }
            const int8x16_t narrow = nonn_helium_narrow(x[0], x[1], x[2], x[3], offset, low, high);
            vstrwq_scatter_offset_s32((int32_t *)(void *)work->output, vldrhq_u32(to + part),
                                      (int32x4_t)narrow);
        }
    }
}

#endif
