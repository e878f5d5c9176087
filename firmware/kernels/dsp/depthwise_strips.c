#include "depthwise_strips.h"

#include "nonn/naked.h"
#include "nonn/target.h"

#if NONN_TARGET_DSP

/* Three columns' sums are under way: those that a column ends, those it goes on with and those it
 * begins, in the registers of those that it has ended. The first two columns so store what means
 * nothing, where words have been read. Assembly, as compilers do not keep it in 14 registers. */
#define COLUMN_1(end0, end1, mid0, mid1) \
    "smlad " end0 ", r12, r6, " end0     \
    ";"                                  \
    "smlatb " end1 ", r12, r6, " end1    \
    ";"                                  \
    "smlabt " end0 ", lr, r7, " end0     \
    ";"                                  \
    "smlad " end1 ", lr, r7, " end1      \
    ";"                                  \
    "smlad " mid0 ", r12, r4, " mid0     \
    ";"                                  \
    "smlatb " mid1 ", r12, r4, " mid1    \
    ";"                                  \
    "str " end0                          \
    ", [r0, #-32];"                      \
    "str " end1                          \
    ", [r0, #-28];"                      \
    "smlabt " mid0 ", lr, r5, " mid0     \
    ";"                                  \
    "smlad " mid1 ", lr, r5, " mid1      \
    ";"                                  \
    "smlad " end0                        \
    ", r12, r2, r1;"                     \
    "smlatb " end1                       \
    ", r12, r2, r1;"                     \
    "smlabt " end0 ", lr, r3, " end0     \
    ";"                                  \
    "smlad " end1 ", lr, r3, " end1      \
    ";"                                  \
    "ldrd r12, lr, [r0], #32;"

NONN_NAKED void nonn_depthwise_sums_1(NONN_UNSEEN uint32_t *words, NONN_UNSEEN int32_t start,
                                      NONN_UNSEEN const uint32_t (*pairs)[2]) {
    __asm__ volatile(
        "push {r4-r11, lr};"
        "ldm r2, {r2-r7};"
        "ldrd r12, lr, [r0], #32;"
        "1: "                              /* */
        COLUMN_1("r8", "r9", "r10", "r11") /* */
        COLUMN_1("r10", "r11", "r8", "r9") /* */
        "cmp r12, #0x80008000;"
        "bne 1b;"
        "pop {r4-r11, pc};");
}

/* The same for stride 2: every second column ends a sum and begins the next one. */
NONN_NAKED void nonn_depthwise_sums_2(NONN_UNSEEN uint32_t *words, NONN_UNSEEN int32_t start,
                                      NONN_UNSEEN const uint32_t (*pairs)[2]) {
    __asm__ volatile(
        "push {r4-r8, lr};"
        "ldm r2, {r2-r7};"
        "ldrd r12, lr, [r0], #32;"
        "1: "
        "smlad r8, r12, r6, r8;"
        "smlabt r8, lr, r7, r8;"
        "str r8, [r0, #-32];"
        "smlad r8, r12, r2, r1;"
        "smlabt r8, lr, r3, r8;"
        "ldrd r12, lr, [r0], #32;"
        "smlad r8, r12, r4, r8;"
        "smlabt r8, lr, r5, r8;"
        "ldrd r12, lr, [r0], #32;"
        "cmp r12, #0x80008000;"
        "bne 1b;"
        "pop {r4-r8, pc};");
}

/* One output, or one of each row; the first row's comes last, which may be in place of the other.
 */
#define OUTPUT_1                 \
    "ldrd r10, r11, [r0], #32;"  \
    "smmla r11, r11, r2, r3;"    \
    "smmla r10, r10, r2, r3;"    \
    "ssat r11, #8, r11, asr #8;" \
    "ssat r10, #8, r10, asr #8;" \
    "strb r11, [r1, r5];"        \
    "strb r10, [r1];"            \
    "add r1, r4;"

#define OUTPUT_2                 \
    "ldr r10, [r0], #64;"        \
    "smmla r10, r10, r2, r3;"    \
    "ssat r10, #8, r10, asr #8;" \
    "strb r10, [r1];"            \
    "add r1, r4;"

/* Two outputs a turn, the first of an odd number alone. */
#define ALL_STRIPS(output)    \
    "push {r4-r11, lr};"      \
    "ldm r0, {r0-r9};"        \
    "add r6, #1;"             \
    "1: "                     \
    "lsrs r12, r6, #1;"       \
    "bcc 3f;"                 \
    "2: " output "3: " output \
    "subs r12, #1;"           \
    "bne 2b;"                 \
    "add r0, r8;"             \
    "add r1, r9;"             \
    "subs r7, #1;"            \
    "bne 1b;"                 \
    "pop {r4-r11, pc};"

/* Outputs of one channel, stride 1, from its sums. */
NONN_NAKED void nonn_depthwise_put_1(NONN_UNSEEN const nonn_depthwise_outputs *to) {
    __asm__ volatile(ALL_STRIPS(OUTPUT_1));
}

/* And stride 2. */
NONN_NAKED void nonn_depthwise_put_2(NONN_UNSEEN const nonn_depthwise_outputs *to) {
    __asm__ volatile(ALL_STRIPS(OUTPUT_2));
}

#endif
