#include "winograd_multiply.h"

#include "nonn/naked.h"
#include "nonn/target.h"

#if NONN_TARGET_DSP

/* clang-format off */

#define BEGIN(sum, v, u) "smuad " #sum ", " #v ", " #u "\n"
#define ADD(sum, v, u) "smlad " #sum ", " #v ", " #u ", " #sum "\n"

/* A pair of channels: two filters at U by four tiles at V and W, whose sums are r4 to r11. */
#define PAIR(OP, U, V, W)                                                  \
    "ldrd r2, r3, " U "\n"                                                 \
    "ldrd r12, lr, " V "\n"                                                \
    OP(r4, r12, r2) OP(r5, r12, r3) OP(r6, lr, r2) OP(r7, lr, r3)          \
    "ldrd r12, lr, " W "\n"                                                \
    OP(r8, r12, r2) OP(r9, r12, r3) OP(r10, lr, r2) OP(r11, lr, r3)
#define STEP(k) PAIR(ADD, "[r0, #8*" #k "]", "[r1, #16*" #k "]", "[r1, #16*" #k "+8]")

/* The same where r0 and r1 move on. */
#define STREAM(OP)                                                         \
    "ldm r0!, {r2, r3}\n"                                                  \
    "ldm r1!, {r12, lr}\n"                                                 \
    OP(r4, r12, r2) OP(r5, r12, r3) OP(r6, lr, r2) OP(r7, lr, r3)          \
    "ldm r1!, {r12, lr}\n"                                                 \
    OP(r8, r12, r2) OP(r9, r12, r3) OP(r10, lr, r2) OP(r11, lr, r3)

/* r0 and r1 walk u and v. What else there is to know waits on the stack, in the order in which LDM
 * fetches it. */
NONN_NAKED void nonn_winograd_multiply( NONN_UNSEEN const int32_t *u, NONN_UNSEEN const int32_t *v, NONN_UNSEEN int32_t *m, NONN_UNSEEN int32_t last) {
    __asm volatile(
        "push {r4-r11, lr}\n"
        "mov r4, r2\n"
        "add lr, r0, #1024\n" /* where the first group ends */
        "cmp r3, #0\n"
        "beq 4f\n"
        "sub r12, r3, #8\n"   /* from the last group's last pair to the next position */
        "add r2, r0, r3\n"    /* the last group */
        "sub r3, r4, r2, lsr #1\n" /* m by half of where its last pair is */
        "sub r3, r3, #28\n"
        "push {r2, r3, r12, lr}\n"
        "b 1f\n"
        "3:\n" /* another group */
        "add r1, r1, #2048-112\n"
        PAIR(ADD, "[r0, #1024-56]!", "[r1]", "[r1, #8]")
        "2:\n"
        STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6)
        PAIR(ADD, "[r0, #56]!", "[r1, #112]!", "[r1, #8]")
        "ldm sp, {r2, r3, r12, lr}\n"
        "cmp r0, r2\n"
        "blo 3b\n"
        "add r3, r3, r0, lsr #1\n"
        "stm r3, {r4-r11}\n"
        "sub r0, r0, r12\n"
        "sub r1, r1, r12, lsl #1\n"
        "cmp r0, lr\n"
        "beq 6f\n"
        "1:\n" /* a position */
        PAIR(BEGIN, "[r0]", "[r1]", "[r1, #8]")
        "b 2b\n"
        "6:\n"
        "add sp, sp, #16\n"
        "pop {r4-r11, pc}\n"
        "4:\n" /* a single group: one run of all positions */
        "push {r4, lr}\n"
        "5:\n"
        STREAM(BEGIN) STREAM(ADD) STREAM(ADD) STREAM(ADD)
        STREAM(ADD) STREAM(ADD) STREAM(ADD) STREAM(ADD)
        "ldrd r2, r3, [sp]\n"
        "stm r2!, {r4-r11}\n"
        "str r2, [sp]\n"
        "cmp r0, r3\n"
        "bne 5b\n"
        "add sp, sp, #8\n"
        "pop {r4-r11, pc}\n");
}

#define LOAD(to, row, column) "ldr " #to ", [r0, #128*" #row "+32*" #column "]\n"

/* A row of positions m0 to m3: from m0 in a, m1 in b and m2 in c, 2 m0 + m1 + m2 in a and m1 - m2 in
 * b, which lacks 2 m3. */
#define ADD_ROW(a, b, c)                         \
    "add " #a ", " #b ", " #a ", lsl #1\n"       \
    "add " #a ", " #a ", " #c "\n"               \
    "sub " #b ", " #b ", " #c "\n"

#define LOADS(row, a, b, c, d) LOAD(a, row, 0) LOAD(b, row, 1) LOAD(c, row, 2) LOAD(d, row, 3)

#define INNER_ROW(a, b, c, d)                    \
    ADD_ROW(a, b, c)                             \
    "sub " #b ", " #b ", " #d ", lsl #1\n"

/* A row that counts twice, r9, r12, lr and then NEXT, with half of two sums added by OP or, by the
 * other, taken off them: half of what is to be. */
#define OUTER_ROW(NEXT, OP, left, right)                 \
    ADD_ROW(r9, r12, lr)                                \
    NEXT                                                \
    "sub r12, r12, lr, lsl #1\n"                        \
    OP " " #left ", r9, " #left ", asr #1\n"            \
    OP " " #right ", r12, " #right ", asr #1\n"

/* A straight line, see codegen/kernels/line_requantize.py. */
#define LINE(sum)                                \
    "smmla " #sum ", " #sum ", r5, r6\n"         \
    "ssat " #sum ", #8, " #sum ", asr #5\n"

/* nonn_requantize_away() */
#define AWAY(sum)                                \
    "add r9, r6, " #sum ", asr #31\n"            \
    "smmlar " #sum ", " #sum ", r5, r9\n"        \
    "asr " #sum ", " #sum ", r7\n"               \
    "ssat " #sum ", #8, " #sum "\n"

/* The constant of r4 goes with position (1, 1), which all four outputs have once. */
#define FINISH(REQUANTIZE)                                              \
    "push {r0, r1, r4-r11, lr}\n"                                       \
    "1:\n" /* a filter */                                               \
    "ldm r3!, {r4-r7}\n"                                                \
    "push {r3}\n"                                                       \
    "2:\n" /* a tile */                                                 \
    LOADS(1, r11, r8, r3, r10)                                          \
    "add r8, r8, r4\n"                                                  \
    INNER_ROW(r11, r8, r3, r10)                                         \
    LOADS(2, lr, r9, r3, r10)                                           \
    INNER_ROW(lr, r9, r3, r10)                                          \
    "add r3, r11, lr\n"                                                 \
    "sub r11, r11, lr\n"                                                \
    "add r10, r8, r9\n"                                                 \
    "sub r8, r8, r9\n"                                                  \
    LOAD(r9, 3, 0) LOAD(r12, 3, 1) LOAD(lr, 3, 2)                       \
    OUTER_ROW(LOAD(lr, 3, 3), "rsb", r11, r8)                           \
    LOAD(r12, 0, 1) LOAD(lr, 0, 2)                                      \
    "ldr r9, [r0], #8\n" /* on to the next tile */                      \
    OUTER_ROW("ldr lr, [r0, #96-8]\n", "add", r3, r10)                  \
    REQUANTIZE(r3) REQUANTIZE(r10) REQUANTIZE(r11) REQUANTIZE(r8)       \
    "ldm r1, {r9, r12, lr}\n"                                           \
    "add lr, lr, r9\n"                                                  \
    "strb r8, [lr, r12]\n"                                              \
    "strb r11, [lr]\n"                                                  \
    "strb r10, [r9, r12]\n"                                             \
    "strb r3, [r9], #1\n"                                               \
    "str r9, [r1], #12\n"                                               \
    "cmp r1, r2\n"                                                      \
    "bne 2b\n"                                                          \
    "pop {r3}\n"                                                        \
    "ldrd r0, r1, [sp]\n"                                               \
    "movs r4, #0\n" /* there is no third */                             \
    "str r4, [sp, #4]\n"                                                \
    "adds r0, r0, #4\n"                                                 \
    "cmp r1, #0\n"                                                      \
    "bne 1b\n"                                                          \
    "add sp, sp, #8\n"                                                  \
    "pop {r4-r11, pc}\n"

NONN_NAKED void nonn_winograd_finish_line( NONN_UNSEEN const int32_t *m, NONN_UNSEEN nonn_winograd_place *places, NONN_UNSEEN const nonn_winograd_place *end, NONN_UNSEEN const int32_t *channels) {
    __asm volatile(FINISH(LINE));
}

NONN_NAKED void nonn_winograd_finish_away( NONN_UNSEEN const int32_t *m, NONN_UNSEEN nonn_winograd_place *places, NONN_UNSEEN const nonn_winograd_place *end, NONN_UNSEEN const int32_t *channels) {
    __asm volatile(FINISH(AWAY));
}

#endif
