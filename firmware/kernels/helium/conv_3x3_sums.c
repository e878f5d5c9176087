#include "nonn/naked.h"
#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "conv_3x3_sums.h"
#include "helium_code.h"

/* The columns of a step stay in q0 to q5; with kernel column k pixel p takes column k + p. The
 * first one is at `first`, the others behind `row`; where there is no row they are there already.
 */
#define STEP_MACRO                           \
    ".macro nonn_3x3_step mac, row, first\n" \
    "vldrw.u32 q6, [r1], #16\n"              \
    ".ifnb \\row\n"                          \
    "vldrw.u32 q0, \\first\n"                \
    ".endif\n"                               \
    "\\mac r0, q0, q6\n"                     \
    "vldrw.u32 q7, [r1], #16\n"              \
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
    "vldrw.u32 q6, [r1], #16\n"              \
    "\\mac lr, q3, q7\n"                     \
    "vldrw.u32 q7, [r1], #16\n"              \
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
    "vldrw.u32 q6, [r1], #16\n"              \
    "vmladava.s8 lr, q4, q7\n"               \
    "vldrw.u32 q7, [r1], #16\n"              \
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

#define STORE "stm r3!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"

/* r7, r9 and r11 are the rows. */
NONN_NAKED void nonn_conv_3x3_sum_rows(void) {
    __asm volatile(STEP_MACRO
                   "vldrw.u32 q0, [r7]\n"
                   "vldrw.u32 q1, [r7, #16]\n"
                   "vldrw.u32 q2, [r7, #32]\n"
                   "vldrw.u32 q3, [r7, #48]\n"
                   "vldrw.u32 q4, [r7, #64]\n"
                   "vldrw.u32 q5, [r7, #80]\n"
                   "1:\n"
                   "nonn_3x3_step vmladav.s8\n"
                   "nonn_3x3_step vmladava.s8, r9, [r9]\n"
                   "nonn_3x3_step vmladava.s8, r11, [r11]\n" STORE
                   "nonn_3x3_step vmladav.s8\n"
                   "nonn_3x3_step vmladava.s8, r9, [r9]\n"
                   "nonn_3x3_step vmladava.s8, r7, [r7]\n" STORE
                   "subs r5, r5, #1\n"
                   "bne 1b\n" NONN_HELIUM_PUT ".purgem nonn_3x3_step\n");
}

/* r7 are the slices to come, r9 is the step whose columns are in the registers, r11 the slices
 * behind the first. */
#define PAIR_MACRO(STEP, NEXT)                             \
    ".macro nonn_3x3_pair move\n" STEP "\n" NEXT "\n" NEXT \
    "\n"                                                   \
    "movs r7, r11\n"                                       \
    "beq 3f\n"                                             \
    "2:\n" NEXT "\n" NEXT "\n" NEXT                        \
    "\n"                                                   \
    "subs r7, r7, #1\n"                                    \
    "bne 2b\n"                                             \
    "3:\n" STORE ".endm\n"

NONN_NAKED void nonn_conv_3x3_sum_steps(void) {
    __asm volatile(STEP_MACRO PAIR_MACRO("nonn_3x3_step vmladav.s8",
                                         "nonn_3x3_step vmladava.s8, r9, \"[r9, #\\move]!\"")
                   "vldrw.u32 q0, [r9]\n"
                   "vldrw.u32 q1, [r9, #16]\n"
                   "vldrw.u32 q2, [r9, #32]\n"
                   "vldrw.u32 q3, [r9, #48]\n"
                   "vldrw.u32 q4, [r9, #64]\n"
                   "vldrw.u32 q5, [r9, #80]\n"
                   "1:\n"
                   "nonn_3x3_pair 96\n"
                   "nonn_3x3_pair -96\n"
                   "subs r5, r5, #1\n"
                   "bne 1b\n" NONN_HELIUM_PUT
                   ".purgem nonn_3x3_pair\n"
                   ".purgem nonn_3x3_step\n");
}

/* Stride 2: nine columns, with kernel column k pixel p takes column k + 2p. A step does kernel
 * columns 0, 2, 1 and leaves the last six of its values, columns 1, 3, 5, 7 in q4, q5, q1, q2, 6 in
 * q3, 8 in q0; the next pair begins with them, in the order 1, 2, 0. What a value is loaded from is
 * named behind all of them. */
#define WIDE_MACRO                                                                      \
    ".macro nonn_3x3_pixel mac, even, odd, value, from\n"                               \
    ".ifnb \\from\n"                                                                    \
    "vldrw.u32 \\value, \\from\n"                                                       \
    ".endif\n"                                                                          \
    "\\mac \\even, \\value, q6\n"                                                       \
    "\\mac \\odd, \\value, q7\n"                                                        \
    ".endm\n"                                                                           \
    ".macro nonn_3x3_column mac, p0, p1, p2, p3, from0, from1, from2, from3\n"          \
    "vldrw.u32 q6, [r1], #16\n"                                                         \
    ".ifnb \\from0\n"                                                                   \
    "vldrw.u32 \\p0, \\from0\n"                                                         \
    ".endif\n"                                                                          \
    "\\mac r0, \\p0, q6\n"                                                              \
    "vldrw.u32 q7, [r1], #16\n"                                                         \
    "\\mac r8, \\p0, q7\n"                                                              \
    "nonn_3x3_pixel \\mac, r2, r10, \\p1, \"\\from1\"\n"                                \
    "nonn_3x3_pixel \\mac, r4, r12, \\p2, \"\\from2\"\n"                                \
    "nonn_3x3_pixel \\mac, r6, lr, \\p3, \"\\from3\"\n"                                 \
    ".endm\n"                                                                           \
    ".macro nonn_3x3_begin row\n"                                                       \
    "nonn_3x3_column vmladav.s8, q4, q5, q1, q2\n"                                      \
    "nonn_3x3_column vmladava.s8, q4, q5, q3, q0, \"[\\row, #32]\", \"[\\row, #64]\"\n" \
    "nonn_3x3_column vmladava.s8, q1, q4, q5, q3, [\\row]\n"                            \
    ".endm\n"                                                                           \
    ".macro nonn_3x3_next row, first\n"                                                 \
    "nonn_3x3_column vmladava.s8, q0, q1, q2, q3, \"\\first\", \"[\\row, #32]\", "      \
    "\"[\\row, #64]\", \"[\\row, #96]\"\n"                                              \
    "nonn_3x3_column vmladava.s8, q1, q2, q3, q0, , , , \"[\\row, #128]\"\n"            \
    "nonn_3x3_column vmladava.s8, q4, q5, q1, q2, \"[\\row, #16]\", \"[\\row, #48]\", " \
    "\"[\\row, #80]\", \"[\\row, #112]\"\n"                                             \
    ".endm\n"

#define WIDE_LOADS(ROW)   \
    "vldrw.u32 q4, [" ROW \
    ", #16]\n"            \
    "vldrw.u32 q5, [" ROW \
    ", #48]\n"            \
    "vldrw.u32 q1, [" ROW \
    ", #80]\n"            \
    "vldrw.u32 q2, [" ROW \
    ", #112]\n"           \
    "vldrw.u32 q3, [" ROW \
    ", #96]\n"            \
    "vldrw.u32 q0, [" ROW ", #128]\n"

#define WIDE_PURGE              \
    ".purgem nonn_3x3_next\n"   \
    ".purgem nonn_3x3_begin\n"  \
    ".purgem nonn_3x3_column\n" \
    ".purgem nonn_3x3_pixel\n"

NONN_NAKED void nonn_conv_3x3_sum_wide_rows(void) {
    __asm volatile(WIDE_MACRO WIDE_LOADS(
        "r7") "1:\n"
              "nonn_3x3_begin r7\n"
              "nonn_3x3_next r9, [r9]\n"
              "nonn_3x3_next r11, [r11]\n" STORE
              "nonn_3x3_begin r11\n"
              "nonn_3x3_next r9, [r9]\n"
              "nonn_3x3_next r7, [r7]\n" STORE
              "subs r5, r5, #1\n"
              "bne 1b\n" NONN_HELIUM_PUT WIDE_PURGE);
}

NONN_NAKED void nonn_conv_3x3_sum_wide_steps(void) {
    __asm volatile(WIDE_MACRO PAIR_MACRO("nonn_3x3_begin r9", "nonn_3x3_next r9, \"[r9, "
                                                              "#\\move]!\"") WIDE_LOADS(
        "r9") "1:\n"
              "nonn_3x3_pair 144\n"
              "nonn_3x3_pair -144\n"
              "subs r5, r5, #1\n"
              "bne 1b\n" NONN_HELIUM_PUT ".purgem nonn_3x3_pair\n" WIDE_PURGE);
}

#endif
