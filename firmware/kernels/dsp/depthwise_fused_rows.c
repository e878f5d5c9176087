#include "depthwise_fused_rows.h"

#include "nonn/naked.h"
#include "nonn/target.h"

#if NONN_TARGET_DSP

/* Assembly, as compilers do not keep any of it in 14 registers. The macros of the assembler are
 * those of one function each. */

/* Two words of pixels to four of rows: r7, r8, r9, r10. Two pixels a turn, the first of an odd
 * number alone: the pointers then start a step too early. */
#define GATHER(begin, put)                 \
    "push {r4-r10, lr}\n" begin            \
    "ldm r0, {r5, r6, r12, lr}\n"          \
    "lsrs r2, #1\n"                        \
    "bcc 1f\n"                             \
    "sub r5, r6\n"                         \
    "sub r12, lr\n"                        \
    "add r2, #1\n"                         \
    "b 2f\n"                               \
    "1: ldr r7, [r5]\n"                    \
    "ldr r9, [r12]\n" WORDS put            \
    "2: ldr r7, [r5, r6]\n"                \
    "ldr r9, [r12, lr]\n"                  \
    "add r5, r5, r6, lsl #1\n"             \
    "add r12, r12, lr, lsl #1\n" WORDS put \
    "subs r2, #1\n"                        \
    "bne 1b\n"                             \
    "pop {r4-r10, pc}\n"

#define WORDS                      \
    "pkhtb r10, r9, r7, asr #16\n" \
    "pkhbt r8, r7, r9, lsl #16\n"  \
    "sxtab16 r7, r1, r8\n"         \
    "sxtab16 r8, r1, r8, ror #8\n" \
    "sxtab16 r9, r1, r10\n"        \
    "sxtab16 r10, r1, r10, ror #8\n"

#define FIFTH_ARGUMENT "ldr r4, [sp, #32]\n"

#define PUT_AT(words)  \
    "str r8, [" words  \
    ", #8]\n"          \
    "str r9, [" words  \
    ", #16]\n"         \
    "str r10, [" words \
    ", #24]\n"         \
    "str r7, [" words "], #32\n"

NONN_NAKED void nonn_depthwise_gather_1(NONN_UNSEEN const nonn_depthwise_row rows[2],
                                        NONN_UNSEEN uint32_t offset, NONN_UNSEEN int32_t pixels,
                                        NONN_UNSEEN uint32_t *words, NONN_UNSEEN uint32_t *also) {
    __asm__ volatile(GATHER(FIFTH_ARGUMENT, PUT_AT("r3") PUT_AT("r4")));
}

NONN_NAKED void nonn_depthwise_carry_1(NONN_UNSEEN const nonn_depthwise_row rows[2],
                                       NONN_UNSEEN uint32_t offset, NONN_UNSEEN int32_t pixels,
                                       NONN_UNSEEN uint32_t *words, NONN_UNSEEN uint32_t *carried) {
    __asm__ volatile(GATHER(FIFTH_ARGUMENT, PUT_AT("r3") "stm r4!, {r7-r10}\n"));
}

NONN_NAKED void nonn_depthwise_gather_2(NONN_UNSEEN const nonn_depthwise_row rows[2],
                                        NONN_UNSEEN uint32_t offset, NONN_UNSEEN int32_t pixels,
                                        NONN_UNSEEN uint32_t *words) {
    __asm__ volatile(GATHER("", "stm r3!, {r7-r10}\n"));
}

/* Each channel's weights are in r2 to r4 (two rows of a column), r5 and r6 (the third row), its
 * multiplier in r7.
 *
 * Of two output rows three columns' sums are under way: those that a column ends (e0, e1), those it
 * goes on with (m0, m1) and those it begins, in the registers of those that it has ended. A strip
 * begins behind what would end with its first column, at the label `entry`. */
NONN_NAKED void nonn_depthwise_pass_1(NONN_UNSEEN const nonn_depthwise_strips *strips,
                                      NONN_UNSEEN uint32_t odd) {
    __asm__ volatile(
        ".macro column e0, e1, m0, m1, c, entry\n"
        "smlad \\e0, r12, r4, \\e0\n"
        "smlabb \\e0, lr, r6, \\e0\n"
        "smmul \\e0, \\e0, r7\n"
        "ssat \\e0, #8, \\e0, asr #8\n"
        "strb \\e0, [r0, #-32 - 7 * \\c]\n"
        "\\entry: smlad \\m0, r12, r3, \\m0\n"
        "smlabt \\m0, lr, r5, \\m0\n"
        "smlad \\e0, r12, r2, r1\n"
        "smlabb \\e0, lr, r5, \\e0\n"
        "pkhbt r12, lr, r12\n" /* rows 2 and 1 */
        "smladx \\e1, r12, r4, \\e1\n"
        "smlatb \\e1, lr, r6, \\e1\n"
        "smmul \\e1, \\e1, r7\n"
        "ssat \\e1, #8, \\e1, asr #8\n"
        "strb \\e1, [r0, #-28 - 7 * \\c]\n"
        "smladx \\m1, r12, r3, \\m1\n"
        "smlatt \\m1, lr, r5, \\m1\n"
        "smladx \\e1, r12, r2, r1\n"
        "smlatb \\e1, lr, r5, \\e1\n"
        "ldrd r12, lr, [r0], #32\n"
        ".endm\n"
        "push {r0, r1, r4-r11, ip, lr}\n"
        ".irp c, 0, 1, 2, 3\n"
        "ldr r12, [sp]\n"
        "ldm r12, {r0, r1, r2, r3, r4}\n"
        "add r0, #8 * \\c\n"
        "ldr r1, [r3, #4 * \\c]\n"
        "ldr r7, [r4, #4 * \\c]\n"
        "add r2, #20 * \\c\n"
        "ldm r2, {r2-r6}\n"
        "1: mov r8, r1\n"
        "mov r9, r1\n"
        "mov r10, r1\n"
        "mov r11, r1\n"
        "ldr r12, [sp, #4]\n"
        "cmp r12, #0\n"
        "ldrd r12, lr, [r0], #32\n"
        "bne 4f\n"
        "b 3f\n"
        "2: column r8, r9, r10, r11, \\c, 3\n"
        "column r10, r11, r8, r9, \\c, 4\n"
        "cmp r12, #0x80008000\n"
        "bne 2b\n"
        "smmul r8, r8, r7\n"
        "smmul r9, r9, r7\n"
        "ssat r8, #8, r8, asr #8\n"
        "ssat r9, #8, r9, asr #8\n"
        "strb r8, [r0, #-32 - 7 * \\c]\n"
        "strb r9, [r0, #-28 - 7 * \\c]\n"
        "cmp lr, #0\n"
        "bne 1b\n"
        ".endr\n"
        "pop {r0, r1, r4-r11, ip, pc}\n"
        ".purgem column\n");
}

/* With stride 2, every second column ends a sum and begins the next one. It is loaded along with
 * the column between, right behind a store, where a load takes a cycle. A turn takes two such pairs
 * and may begin with either, at the labels `begin` and, where the first column goes on with a sum,
 * `load`. The strips that are left are counted where r12 was pushed. */
NONN_NAKED void nonn_depthwise_pass_2(NONN_UNSEEN const nonn_depthwise_strips *strips,
                                      NONN_UNSEEN uint32_t entry) {
    __asm__ volatile(
        ".macro output c, begin, load\n"
        "smlad r9, r12, r4, r9\n"
        "smlabb r11, lr, r6, r9\n"
        "smmul r11, r11, r7\n"
        "ssat r11, #8, r11, asr #8\n"
        "\\begin: smlad r9, r12, r2, r8\n"
        "smlabb r9, lr, r5, r9\n"
        "strb r11, [r0, #-16 - 3 * \\c]\n"
        "\\load: ldr r10, [r0], #16\n"
        "ldr r11, [r1], #16\n"
        "ldr r12, [r0], #16\n"
        "ldr lr, [r1], #16\n"
        "smlad r9, r10, r3, r9\n"
        "smlabt r9, r11, r5, r9\n"
        ".endm\n"
        "push {r0, r1, r4-r11, ip, lr}\n"
        ".irp c, 0, 1, 2, 3\n"
        "ldr r12, [sp]\n"
        "ldm r12, {r0, r1, r2, r3, r4, r10}\n"
        "add r0, #4 * \\c\n"
        "add r1, #4 * \\c\n"
        "ldr r8, [r3, #4 * \\c]\n"
        "ldr r7, [r4, #4 * \\c]\n"
        "add r2, #20 * \\c\n"
        "ldm r2, {r2-r6}\n"
        "1: str r10, [sp, #40]\n"
        "ldr r10, [sp, #4]\n"
        "mov r9, r8\n"
        "lsrs r10, #1\n"
        "bcs 7f\n"
        "ldr r12, [r0], #16\n"
        "ldr lr, [r1], #16\n"
        "beq 3f\n"
        "b 5f\n"
        "7: beq 4f\n"
        "b 6f\n"
        "2: output \\c, 3, 4\n"
        "output \\c, 5, 6\n"
        "cmp r12, #0x80008000\n"
        "bne 2b\n"
        "smmul r9, r9, r7\n"
        "ssat r9, #8, r9, asr #8\n"
        "strb r9, [r0, #-16 - 3 * \\c]\n"
        "ldr r10, [sp, #40]\n"
        "subs r10, #1\n"
        "bne 1b\n"
        ".endr\n"
        "pop {r0, r1, r4-r11, ip, pc}\n"
        ".purgem output\n");
}

#endif
