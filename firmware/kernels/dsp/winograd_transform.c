#include "winograd_transform.h"

#include "nonn/naked.h"
#include "nonn/target.h"

#if NONN_TARGET_DSP

/* Assembly, for the registers: the compiler keeps half of the values in memory. */

/* clang-format off */

/* Bytes 0 and 2 of a word, or 1 and 3, sign extended. */
#define EVEN ""
#define ODD ", ror #8"
#define EXPAND(to, which) "sxtb16 " #to ", " #to which "\n"
#define ADD(to, a, b) "sadd16 " #to ", " #a ", " #b "\n"
#define SUB(to, a, b) "ssub16 " #to ", " #a ", " #b "\n"

/* Three taps, transformed along their row: left in a, left + middle + right in b, left - middle +
 * right in s, right in c. */
#define TAPS(a, b, c, s, which)                                   \
    EXPAND(a, which) EXPAND(b, which) EXPAND(c, which)            \
    ADD(r12, a, c) SUB(s, r12, b) ADD(b, r12, b)

#define PUT_U(from, position, pair) "str " #from ", [r2, #64*" #position "+8*" #pair "]\n"

/* The filter's rows 0 and 2 are rows 0 and 3 of U; rows 1 and 2 of U are their sum plus and minus
 * the filter's row 1. */
#define FILTER(which, pair)                                                               \
    "ldm r0!, {r3, r4, r5, r7, r8, r9}\n"                                                 \
    TAPS(r3, r4, r5, r6, which)                                                           \
    PUT_U(r3, 0, pair) PUT_U(r4, 1, pair) PUT_U(r6, 2, pair) PUT_U(r5, 3, pair)           \
    TAPS(r7, r8, r9, r10, which)                                                          \
    PUT_U(r7, 12, pair) PUT_U(r8, 13, pair) PUT_U(r10, 14, pair) PUT_U(r9, 15, pair)      \
    ADD(r3, r3, r7) ADD(r4, r4, r8) ADD(r6, r6, r10) ADD(r5, r5, r9)                      \
    "ldm r0!, {r7, r8, r9}\n"                                                             \
    TAPS(r7, r8, r9, r10, which)                                                          \
    ADD(r11, r3, r7) ADD(r12, r4, r8) SUB(r3, r3, r7) SUB(r4, r4, r8)                     \
    PUT_U(r11, 4, pair) PUT_U(r12, 5, pair) PUT_U(r3, 8, pair) PUT_U(r4, 9, pair)         \
    ADD(r7, r6, r10) ADD(r8, r5, r9) SUB(r6, r6, r10) SUB(r5, r5, r9)                     \
    PUT_U(r7, 6, pair) PUT_U(r8, 7, pair) PUT_U(r6, 10, pair) PUT_U(r5, 11, pair)

NONN_NAKED void nonn_winograd_filter( NONN_UNSEEN const int32_t *filter, NONN_UNSEEN int32_t channels, NONN_UNSEEN int32_t *u) {
    __asm volatile(
        "push {r4-r11, lr}\n"
        "1:\n" /* a group */
        "mov lr, #4\n"
        "2:\n"
        FILTER(EVEN, 0)
        "sub r0, r0, #36\n"
        FILTER(ODD, 1)
        "subs lr, lr, #1\n"
        "add r2, r2, #16\n"
        "bne 2b\n"
        "subs r1, r1, #16\n"
        "add r2, r2, #960\n"
        "bne 1b\n"
        "pop {r4-r11, pc}\n");
}

/* Four pixels d0 to d3 of the column at `at`, transformed along it: d0 - d2 in a, d1 + d2 in s,
 * d2 - d1 in c, d1 - d3 in d; b is free afterwards. */
#define COLUMN(at, a, b, c, d, s, which)                                  \
    "add " #d ", " #at ", r1\n"                                           \
    "ldr " #a ", [" #at "]\n"                                             \
    "ldr " #b ", [" #at ", r1]\n"                                         \
    "ldr " #c ", [" #at ", r1, lsl #1]\n"                                 \
    "ldr " #d ", [" #d ", r1, lsl #1]\n"                                  \
    EXPAND(a, which) EXPAND(b, which) EXPAND(c, which) EXPAND(d, which)   \
    SUB(a, a, c) ADD(s, b, c) SUB(c, c, b) SUB(d, b, d)

#define PUT_V(from, position, pair) "str " #from ", [r3, #128*" #position "+16*" #pair "]\n"

/* The columns in this order keep two of them alive at a time. */
#define PATCH(which, pair)                                                                  \
    COLUMN(r0, r4, r5, r6, r7, r12, which)                                                  \
    "add lr, r0, r2, lsl #1\n"                                                              \
    COLUMN(lr, r8, r9, r10, r11, r5, which)                                                 \
    SUB(r4, r4, r8) SUB(r12, r12, r5) SUB(r6, r6, r10) SUB(r7, r7, r11)                     \
    PUT_V(r4, 0, pair) PUT_V(r12, 4, pair) PUT_V(r6, 8, pair) PUT_V(r7, 12, pair)           \
    "add lr, r0, r2\n"                                                                      \
    COLUMN(lr, r4, r12, r6, r7, r9, which)                                                  \
    ADD(r12, r4, r8) SUB(r8, r8, r4) PUT_V(r12, 1, pair) PUT_V(r8, 2, pair)                 \
    ADD(r12, r9, r5) SUB(r8, r5, r9) PUT_V(r12, 5, pair) PUT_V(r8, 6, pair)                 \
    ADD(r12, r6, r10) SUB(r8, r10, r6) PUT_V(r12, 9, pair) PUT_V(r8, 10, pair)              \
    ADD(r12, r7, r11) SUB(r8, r11, r7) PUT_V(r12, 13, pair) PUT_V(r8, 14, pair)             \
    "add lr, lr, r2, lsl #1\n"                                                              \
    COLUMN(lr, r8, r5, r10, r11, r12, which)                                                \
    SUB(r8, r4, r8) SUB(r12, r9, r12) SUB(r10, r6, r10) SUB(r11, r7, r11)                   \
    PUT_V(r8, 3, pair) PUT_V(r12, 7, pair) PUT_V(r10, 11, pair) PUT_V(r11, 15, pair)

NONN_NAKED void nonn_winograd_patch( NONN_UNSEEN const int8_t *patch, NONN_UNSEEN int32_t down, NONN_UNSEEN int32_t channels, NONN_UNSEEN int32_t *v) {
    __asm volatile(
        "add r12, r0, r2\n" /* behind the first pixel: the end */
        "push {r4-r12, lr}\n"
        "sub sp, sp, #4\n"
        "1:\n" /* a group, whose end is on the stack */
        "add r12, r0, #16\n"
        "str r12, [sp]\n"
        "2:\n"
        PATCH(EVEN, 0)
        PATCH(ODD, 1)
        "ldr lr, [sp]\n"
        "add r0, r0, #4\n"
        "add r3, r3, #32\n"
        "cmp r0, lr\n"
        "bne 2b\n"
        "ldr lr, [sp, #36]\n"
        "add r3, r3, #1920\n"
        "cmp r0, lr\n"
        "bne 1b\n"
        "add sp, sp, #4\n"
        "pop {r4-r12, pc}\n");
}

#endif
