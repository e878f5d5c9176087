#include "nonn/naked.h"
#include "nonn/target.h"

#if NONN_TARGET_HELIUM

#include <stddef.h>

#include "depthwise_sums.h"
#include "requantize_helium.h"

_Static_assert(offsetof(nonn_depthwise_work, constants) == 28 &&
                   offsetof(nonn_depthwise_work, patch) == 32,
               "as the code below reads them");

/* Sums: r0, r2, r4, r6 accumulate (VMLADAV takes even registers only). r1 is the table, r3 the
 * constants, r5 where the sums go, r12 the weights, lr the units to come. q1, q2 and q6 are
 * addresses of patches, less 4, which the channel's first gather adds; q3, which is kept, is that
 * of the tile's first patch. q4-q7 are the filter in its places. */
__asm__(
    ".macro nonn_depthwise_at patch\n"
    "ldrh r7, [r1], #2\n"
    "vadd.i32 \\patch, q3, r7\n"
    ".endm\n"
    /* The filter in the four places of a patch: a row is a byte, a column a word. */
    ".macro nonn_depthwise_filter channel\n"
    ".ifb \\channel\n"
    "vldrw.u32 q4, [r12], #16\n"
    "vshl.i32 q5, q4, #8\n"
    "vldrw.u32 q6, [r12, #-20]\n"
    ".else\n"
    "vldrw.u32 q4, [r12, #16 * \\channel]\n"
    "vshl.i32 q5, q4, #8\n"
    "vldrw.u32 q6, [r12, #16 * \\channel - 4]\n"
    ".endif\n"
    "vshl.i32 q7, q6, #8\n"
    ".endm\n"
    ".macro nonn_depthwise_half from:req first=r0 second=r2\n"
    "vldrw.u32 q0, \\from\n"
    "vmladav.s8 \\first, q0, q4\n"
    "vmladav.s8 \\second, q0, q5\n"
    ".endm\n"
    ".macro nonn_depthwise_patch from:req\n"
    "nonn_depthwise_half \"\\from\"\n"
    "vmladav.s8 r4, q0, q6\n"
    "vmladav.s8 r6, q0, q7\n"
    "nonn_depthwise_put\n"
    ".endm\n"
    ".macro nonn_depthwise_put\n"
    "stm r5!, {r0, r2, r4, r6}\n"
    ".endm\n"
    /* Stride 2: q4 is the filter for the first of two outputs, q5 for the second. Both take of the
     * same words all but one, which q7 and the predicate leave out. */
    ".macro nonn_depthwise_filters channel\n"
    "vpst\n"
    ".ifb \\channel\n"
    "vldrwt.u32 q5, [r12, #-4]\n"
    "vldrw.u32 q4, [r12], #16\n"
    ".else\n"
    "vldrwt.u32 q5, [r12, #16 * \\channel - 4]\n"
    "vldrw.u32 q4, [r12, #16 * \\channel]\n"
    ".endif\n"
    "vand q4, q4, q7\n"
    ".endm\n"
    /* Six outputs side by side, whose cells are `cell` bytes. */
    ".macro nonn_depthwise_six cell\n"
    "nonn_depthwise_at q1\n"
    "ldr r5, [sp]\n"
    ".irp channel, 0, 1, 2, 3\n"
    "nonn_depthwise_filter \\channel\n"
    "nonn_depthwise_patch \"[q1, #4]!\"\n"
    "nonn_depthwise_patch \"[q1, #2 * \\cell]\"\n"
    "nonn_depthwise_patch \"[q1, #4 * \\cell]\"\n"
    ".endr\n"
    ".endm\n"
    /* Between these a channel; it leaves r7 and those behind it alone. */
    ".macro nonn_depthwise_channels\n"
    "ldr r5, [sp]\n"
    "movs r6, #4\n"
    "str lr, [sp, #24]\n"
    "dls lr, r6\n"
    "1:\n"
    ".endm\n"
    ".macro nonn_depthwise_end\n"
    "le lr, 1b\n"
    "ldr lr, [sp, #24]\n"
    "sub r12, r12, #64\n"
    "b .Lsummed\n"
    ".endm\n"
    /* Four outputs of four channels, which r4-r11 are the constants of and `next` bytes lie between
     * the sums of. */
    ".macro nonn_depthwise_scale at next\n"
    "vldrw.u32 q0, [r0, #\\at]\n"
    "vldrh.u32 q5, [r1], #8\n"
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
    ".macro nonn_depthwise_constants\n"
    "ldm r3, {r2, r4-r11}\n"
    "cmp r2, #0\n"
    "beq .Lgeneral\n"
    "vdup.32 q6, r2\n"
    "ldrd r0, r2, [sp]\n"
    ".endm\n");

/* One function, since its parts hand each other nothing but the work and want all registers. On the
 * stack: sums, output, table, units, channels by four, code of the kind, the units to come while lr
 * counts channels. */
NONN_NAKED const int32_t *nonn_depthwise_run(NONN_UNSEEN const nonn_depthwise_work *work) {
    __asm volatile(
        "push {r0, r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "vldrw.u32 q3, [r0, #32]\n"
        "ldm r0, {r1-r8}\n"
        "adr r9, .Lkinds\n"
        "vldrw.u32 q7, [r9]\n"
        "add r9, r9, #16\n"
        "ldr r6, [r9, r6, lsl #2]\n"
        "push {r1-r8}\n"
        "mov r12, r7\n"
        "mov r3, r8\n"
        "movw r7, #0xfff0\n"
        "vmsr p0, r7\n"
        ".Lquad:\n"
        "ldrd r1, lr, [sp, #8]\n"
        "ldr pc, [sp, #20]\n"

        ".balign 4\n"
        ".Lkinds:\n"
        ".word -1, -1, 0, -1\n" /* what q7 leaves */
        ".word .Lsix + 1, .Lnarrow + 1, .Lfive + 1, .Lpatches + 1, .Lnine + 1\n"
        ".word .Ltriples + 1, .Lpairs + 1, .Lnine_pairs + 1\n"

        ".Lpatches:\n"
        "nonn_depthwise_at q1\n"
        "ldrsh r7, [r1], #2\n"
        "ldrsh r8, [r1], #2\n"
        "nonn_depthwise_channels\n"
        "nonn_depthwise_filter\n"
        "nonn_depthwise_patch \"[q1, #4]!\"\n"
        "vadd.i32 q2, q1, r7\n"
        "nonn_depthwise_patch [q2]\n"
        "vadd.i32 q2, q1, r8\n"
        "nonn_depthwise_patch [q2]\n"
        "nonn_depthwise_end\n"

        ".Lnine:\n"
        "nonn_depthwise_at q1\n"
        "nonn_depthwise_at q2\n"
        "nonn_depthwise_channels\n"
        "nonn_depthwise_filter\n"
        "nonn_depthwise_patch \"[q1, #4]!\"\n"
        "vldrw.u32 q0, [q1, #64]\n"
        "vmladav.s8 r0, q0, q6\n"
        "vmladav.s8 r2, q0, q7\n"
        "vldrw.u32 q0, [q2, #4]!\n"
        "vmladav.s8 r4, q0, q5\n"
        "vmladav.s8 r6, q0, q7\n"
        "nonn_depthwise_put\n"
        "vldrw.u32 q0, [q2, #64]\n"
        "vmladav.s8 r0, q0, q7\n"
        "nonn_depthwise_put\n"
        "nonn_depthwise_end\n"

        ".Lpairs:\n"
        "nonn_depthwise_at q1\n"
        "ldrsh r7, [r1], #2\n"
        "ldrsh r8, [r1], #2\n"
        "ldrsh r9, [r1], #2\n"
        "ldrsh r10, [r1], #2\n"
        "ldrsh r11, [r1], #2\n"
        "nonn_depthwise_channels\n"
        "nonn_depthwise_filters\n"
        "nonn_depthwise_half \"[q1, #4]!\"\n"
        "vadd.i32 q2, q1, r7\n"
        "nonn_depthwise_half [q2] r4 r6\n"
        "nonn_depthwise_put\n"
        "vadd.i32 q2, q1, r8\n"
        "nonn_depthwise_half [q2]\n"
        "vadd.i32 q2, q1, r9\n"
        "nonn_depthwise_half [q2] r4 r6\n"
        "nonn_depthwise_put\n"
        "vadd.i32 q2, q1, r10\n"
        "nonn_depthwise_half [q2]\n"
        "vadd.i32 q2, q1, r11\n"
        "nonn_depthwise_half [q2] r4 r6\n"
        "nonn_depthwise_put\n"
        "nonn_depthwise_end\n"

        ".Lnine_pairs:\n"
        "nonn_depthwise_at q1\n"
        "nonn_depthwise_at q2\n"
        "nonn_depthwise_at q6\n"
        "nonn_depthwise_channels\n"
        "nonn_depthwise_filters\n"
        "nonn_depthwise_half \"[q1, #4]!\"\n"
        "vldrw.u32 q0, [q1, #192]\n"
        "vmladav.s8 r4, q0, q4\n"
        "vldrw.u32 q0, [q2, #196]\n"
        "vmladav.s8 r6, q0, q4\n"
        "nonn_depthwise_put\n"
        "nonn_depthwise_half \"[q2, #4]!\"\n"
        "nonn_depthwise_half \"[q6, #4]!\" r4 r6\n"
        "nonn_depthwise_put\n"
        "vldrw.u32 q0, [q6, #192]\n"
        "vmladav.s8 r0, q0, q4\n"
        "nonn_depthwise_put\n"
        "nonn_depthwise_end\n"

        ".Ltriples:\n"
        "nonn_depthwise_at q1\n"
        "nonn_depthwise_at q2\n"
        "ldr r5, [sp]\n"
        ".irp channel, 0, 1, 2, 3\n"
        "nonn_depthwise_filters \\channel\n"
        "nonn_depthwise_half \"[q1, #4]!\"\n"
        "nonn_depthwise_half \"[q1, #192]\" r4 r6\n"
        "nonn_depthwise_put\n"
        "nonn_depthwise_half \"[q1, #384]\"\n"
        "nonn_depthwise_half \"[q2, #4]!\" r4 r6\n"
        "nonn_depthwise_put\n"
        "nonn_depthwise_half \"[q2, #192]\"\n"
        "nonn_depthwise_half \"[q2, #384]\" r4 r6\n"
        "nonn_depthwise_put\n"
        ".endr\n"
        "b .Lsummed\n"

        ".Lnarrow:\n"
        "nonn_depthwise_six 32\n"
        "b .Lsummed\n"

        ".Lsix:\n"
        "nonn_depthwise_six 64\n"
        ".Lsummed:\n"
        "nonn_depthwise_constants\n"
        "nonn_depthwise_scale 0 48\n"
        "nonn_depthwise_scale 16 48\n"
        "nonn_depthwise_scale 32 48\n"

        ".Lnext_unit:\n"
        "subs lr, lr, #1\n"
        "beq .Lnext_quad\n"
        "ldr pc, [sp, #20]\n"

        ".Lnext_quad:\n"
        "add r12, r12, #64\n"
        "ldr r2, [r3], #36\n"
        "cmp r2, #0\n"
        "it eq\n"
        "addeq r3, #16\n"
        "movs r4, #16\n"
        "vadd.i32 q3, q3, r4\n"
        "ldr r2, [sp, #4]\n"
        "adds r2, #4\n"
        "str r2, [sp, #4]\n"
        "ldr r2, [sp, #16]\n"
        "subs r2, #1\n"
        "str r2, [sp, #16]\n"
        "bne .Lquad\n"
        "mov r0, r3\n"
        "add sp, #32\n"
        "vpop {d8-d15}\n"
        "pop {r1, r4-r11, pc}\n"

        /* 20 outputs. */
        ".Lfive:\n"
        "nonn_depthwise_at q1\n"
        "nonn_depthwise_at q2\n"
        "ldr r5, [sp]\n"
        ".irp channel, 0, 1, 2, 3\n"
        "nonn_depthwise_filter \\channel\n"
        "nonn_depthwise_patch \"[q1, #4]!\"\n"
        "nonn_depthwise_patch \"[q1, #128]\"\n"
        "nonn_depthwise_half \"[q1, #256]\"\n"
        "nonn_depthwise_half \"[q2, #260]\" r4 r6\n"
        "nonn_depthwise_put\n"
        "nonn_depthwise_patch \"[q2, #4]!\"\n"
        "nonn_depthwise_patch \"[q2, #128]\"\n"
        ".endr\n"
        "nonn_depthwise_constants\n"
        "nonn_depthwise_scale 0 80\n"
        "nonn_depthwise_scale 16 80\n"
        "nonn_depthwise_scale 32 80\n"
        "nonn_depthwise_scale 48 80\n"
        "nonn_depthwise_scale 64 80\n"
        "b .Lnext_unit\n"

        /* Constants of three words a channel, and no scale. */
        ".Lgeneral:\n"
        "ldr r0, [sp, #96]\n"
        "ldr r2, [sp, #4]\n"
        "vmrs r4, p0\n"
        "push {r3, r4, r12, lr}\n"
        "vpush {d6-d7}\n"
        "adds r3, #4\n"
        "bl nonn_depthwise_outputs\n"
        "mov r1, r0\n"
        "vpop {d6-d7}\n"
        "pop {r3, r4, r12, lr}\n"
        "vmsr p0, r4\n"
        "b .Lnext_unit\n");
}

const uint16_t *nonn_depthwise_outputs(const nonn_depthwise_work *work, const uint16_t *pixels,
                                       int8_t *output, const int32_t *constants) {
    const nonn_depthwise_helium_params *params = work->params;
    const uint32_t count = NONN_DEPTHWISE_HELIUM_PIXELS(params->kind);
    const int16_t offset = params->output_offset;
    const int8_t low = params->activation_min, high = params->activation_max;
    for (uint32_t part = 0; part < count; part += 4, pixels += 4) {
        int32x4_t x[4];
        for (uint32_t c = 0; c < 4; ++c) {
            const int32_t *of = constants + 3 * c;
            const int32x4_t sum = vaddq_n_s32(vldrwq_s32(work->sums + count * c + part), of[0]);
            x[c] = nonn_helium_scale(sum, of[1], of[2]);
        }
        const int8x16_t narrow = nonn_helium_narrow(x[0], x[1], x[2], x[3], offset, low, high);
        vstrwq_scatter_offset_s32((int32_t *)(void *)output, vldrhq_u32(pixels), (int32x4_t)narrow);
    }
    return pixels;
}

#endif
