#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "conv_3x3_sums.h"

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

/* r0, r2, ... r12, lr accumulate as in helium_tile.c. r1 is the step whose columns are in the
 * registers, r3 the weights, r5 the sums, r7 the slices behind the first, r9 those to come, r11 the
 * pairs to come. Below the saved registers lie the panel and the tiles to come. */
__attribute__((naked)) const int8_t *nonn_conv_3x3_sum_steps(const nonn_helium_walk *walk) {
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

/* The same, but r1, r7 and r9 are the rows. */
__attribute__((naked)) const int8_t *nonn_conv_3x3_sum_rows(const nonn_helium_walk *walk) {
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

#endif
