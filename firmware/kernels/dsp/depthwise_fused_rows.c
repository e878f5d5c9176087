#include "depthwise_fused_rows.h"

#include "nonn/target.h"

#if NONN_TARGET_DSP

#define UNSEEN __attribute__((unused))

/* Two words of pixels to four of rows: r7, r8, r9, r10. */
#define PIXEL                     \
    "ldr r7, [r5];"               \
    "ldr r9, [r12];"              \
    "add r5, r6;"                 \
    "add r12, lr;"                \
    "pkhtb r10, r9, r7, asr #16;" \
    "pkhbt r8, r7, r9, lsl #16;"  \
    "sxtab16 r7, r1, r8;"         \
    "sxtab16 r8, r1, r8, ror #8;" \
    "sxtab16 r9, r1, r10;"        \
    "sxtab16 r10, r1, r10, ror #8;"

#define GATHER(put)              \
    "push {r4-r10, lr};"         \
    "ldr r4, [sp, #32];"         \
    "ldm r0, {r5, r6, r12, lr};" \
    "1: " PIXEL put              \
    "subs r2, #1;"               \
    "bne 1b;"                    \
    "pop {r4-r10, pc};"

#define PUT_LOWER         \
    "str r8, [r3, #8];"   \
    "str r9, [r3, #16];"  \
    "str r10, [r3, #24];" \
    "str r7, [r3], #32;"

__attribute__((naked)) void nonn_depthwise_gather_1(UNSEEN const nonn_depthwise_row rows[2],
                                                    UNSEEN uint32_t offset, UNSEEN int32_t pixels,
                                                    UNSEEN uint32_t *words, UNSEEN uint32_t *also) {
    __asm__ volatile(GATHER(PUT_LOWER "str r8, [r4, #8];"
                                      "str r9, [r4, #16];"
                                      "str r10, [r4, #24];"
                                      "str r7, [r4], #32;"));
}

__attribute__((naked)) void nonn_depthwise_carry_1(UNSEEN const nonn_depthwise_row rows[2],
                                                   UNSEEN uint32_t offset, UNSEEN int32_t pixels,
                                                   UNSEEN uint32_t *words,
                                                   UNSEEN uint32_t *carried) {
    __asm__ volatile(GATHER(PUT_LOWER "stm r4!, {r7-r10};"));
}

__attribute__((naked)) void nonn_depthwise_gather_2(UNSEEN const nonn_depthwise_row rows[2],
                                                    UNSEEN uint32_t offset, UNSEEN int32_t pixels,
                                                    UNSEEN uint32_t *words) {
    __asm__ volatile(GATHER("stm r3!, {r7-r10};"));
}

/* Weights are in r2 to r4 (two rows of a column), r5 and r6 (the third row), the multiplier in r7.
 * Of two output rows three columns' sums are under way: those that a column ends, those it goes on
 * with and those it begins, in the registers of those that it has ended. Assembly, as compilers do
 * not keep it in 14 registers. */
#define REQUANTISE(sum)   \
    "smmul " sum ", " sum \
    ", r7;"               \
    "ssat " sum ", #8, " sum ", asr #8;"

#define COLUMN_1(end0, end1, mid0, mid1, at0, at1)                              \
    "smlad " end0 ", r12, r4, " end0                                            \
    ";"                                                                         \
    "smlabb " end0 ", lr, r6, " end0                                            \
    ";" REQUANTISE(end0) "strb " end0 ", [r0, #" at0                            \
                         "];"                                                   \
                         "smlad " mid0 ", r12, r3, " mid0                       \
                         ";"                                                    \
                         "smlabt " mid0 ", lr, r5, " mid0                       \
                         ";"                                                    \
                         "smlad " end0                                          \
                         ", r12, r2, r1;"                                       \
                         "smlabb " end0 ", lr, r5, " end0                       \
                         ";"                                                    \
                         "pkhbt r12, lr, r12;" /* rows 2 and 1 */               \
                         "smladx " end1 ", r12, r4, " end1                      \
                         ";"                                                    \
                         "smlatb " end1 ", lr, r6, " end1                       \
                         ";" REQUANTISE(end1) "strb " end1 ", [r0, #" at1       \
                                              "];"                              \
                                              "smladx " mid1 ", r12, r3, " mid1 \
                                              ";"                               \
                                              "smlatt " mid1 ", lr, r5, " mid1  \
                                              ";"                               \
                                              "smladx " end1                    \
                                              ", r12, r2, r1;"                  \
                                              "smlatb " end1 ", lr, r5, " end1  \
                                              ";"                               \
                                              "ldrd r12, lr, [r0], #32;"

/* All strips of one channel: `words`, `weights` and `constants` are where its own are, `at0` and
 * `at1` where outputs are from the next column's words. */
#define CHANNEL_1(words, weights, constants, at0, at1) \
    "ldr r12, [sp];"                                   \
    "ldm r12, {r0, r1, r2, r3, r4};"                   \
    "add r0, #" words ";"                              \
    "ldr r1, [r3, #" constants "];"                    \
    "ldr r7, [r4, #" constants "];"                    \
    "add r2, #" weights ";"                            \
    "ldm r2, {r2-r6};"                                 \
    "1: "                                              \
    "mov r8, r1;"                                      \
    "mov r9, r1;"                                      \
    "mov r10, r1;"                                     \
    "mov r11, r1;"                                     \
    "ldr r12, [sp, #4];"                               \
    "cmp r12, #0;"                                     \
    "ldrd r12, lr, [r0], #32;"                         \
    "bne 3f;"                                          \
    "2: " COLUMN_1("r8", "r9", "r10", "r11", at0, at1) \
    "3: " COLUMN_1("r10", "r11", "r8", "r9", at0, at1) \
    "cmp r12, #0x80008000;"                            \
    "bne 2b;"                                          \
    REQUANTISE("r8")                                   \
    REQUANTISE("r9")                                   \
    "strb r8, [r0, #" at0 "];"                         \
    "strb r9, [r0, #" at1 "];"                         \
    "cmp lr, #0;"                                      \
    "bne 1b;"

__attribute__((naked)) void nonn_depthwise_pass_1(UNSEEN const nonn_depthwise_strips *strips,
                                                  UNSEEN uint32_t odd) {
    __asm__ volatile("push {r0, r1, r4-r11, ip, lr};"          /* */
                     CHANNEL_1("0", "0", "0", "-32", "-28")    /* */
                     CHANNEL_1("8", "20", "4", "-39", "-35")   /* */
                     CHANNEL_1("16", "40", "8", "-46", "-42")  /* */
                     CHANNEL_1("24", "60", "12", "-53", "-49") /* */
                     "pop {r0, r1, r4-r11, ip, pc};");
}

/* With stride 2, every second column ends a sum and begins the next one. */
#define CHANNEL_2(words, weights, constants, at) \
    "ldr r12, [sp];"                                   \
    "ldm r12, {r0, r1, r2, r3, r4, r10};"              \
    "add r0, #" words ";"                              \
    "add r1, #" words ";"                              \
    "ldr r8, [r3, #" constants "];"                    \
    "ldr r7, [r4, #" constants "];"                    \
    "add r2, #" weights ";"                            \
    "ldm r2, {r2-r6};"                                 \
    "1: "                                              \
    "mov r9, r8;"                                      \
    "ldr r11, [sp, #4];"                               \
    "ldr r12, [r0], #16;"                              \
    "ldr lr, [r1], #16;"                               \
    "cmp r11, #0;"                                     \
    "bne 3f;"                                          \
    "2: "                                              \
    "smlad r9, r12, r4, r9;"                           \
    "smlabb r11, lr, r6, r9;"                          \
    REQUANTISE("r11")                                  \
    "smlad r9, r12, r2, r8;"                           \
    "smlabb r9, lr, r5, r9;"                           \
    "strb r11, [r0, #" at "];"                         \
    "ldr r12, [r0], #16;"                              \
    "ldr lr, [r1], #16;"                               \
    "3: "                                              \
    "smlad r9, r12, r3, r9;"                           \
    "smlabt r9, lr, r5, r9;"                           \
    "ldr r12, [r0], #16;"                              \
    "ldr lr, [r1], #16;"                               \
    "cmp r12, #0x80008000;"                            \
    "bne 2b;"                                          \
    REQUANTISE("r9")                                   \
    "strb r9, [r0, #" at "];"                          \
    "subs r10, #1;"                                    \
    "bne 1b;"

__attribute__((naked)) void nonn_depthwise_pass_2(UNSEEN const nonn_depthwise_strips *strips,
                                                  UNSEEN uint32_t padded) {
    __asm__ volatile("push {r0, r1, r4-r11, ip, lr};"   /* */
                     CHANNEL_2("0", "0", "0", "-16")    /* */
                     CHANNEL_2("4", "20", "4", "-19")   /* */
                     CHANNEL_2("8", "40", "8", "-22")   /* */
                     CHANNEL_2("12", "60", "12", "-25") /* */
                     "pop {r0, r1, r4-r11, ip, pc};");
}

#endif
