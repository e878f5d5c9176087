#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <stddef.h>

#include "depthwise_sums.h"

_Static_assert(offsetof(nonn_depthwise_rows, columns) == 24 &&
                   offsetof(nonn_depthwise_rows, gap) == 28 &&
                   offsetof(nonn_depthwise_rows, lanes) == 32 &&
                   offsetof(nonn_depthwise_rows, before) == 36,
               "as the code below reads them");

/* r0, r2, r4, r6 are the rows, the registers behind them their steps; r10 is the first row's
 * number, r11 the rows of cells to come, r12 the cells. */
__asm__(
    /* Row r10 at r9, if it is one of the image. */
    ".macro nonn_depthwise_row pixel step\n"
    "cmp r10, r8\n"
    "ittee lo\n"
    "movlo \\step, r7\n"
    "movlo \\pixel, r9\n"
    "movhs \\step, #0\n"
    "movhs \\pixel, lr\n"
    "add r9, r6\n"
    "adds r10, #1\n"
    ".endm\n"
    ".macro nonn_depthwise_four_rows first:vararg\n"
    "ldr r8, [r8, #24]\n"
    "dls lr, r8\n"
    "1:\n"
    "vpstttt\n"
    "vldrbt.u8 q0, [\\first]\n"
    "vldrbt.u8 q1, [r2]\n"
    "vldrbt.u8 q2, [r4]\n"
    "vldrbt.u8 q3, [r6]\n"
    "add r0, r1\n"
    "add r2, r3\n"
    "add r4, r5\n"
    "add r6, r7\n"
    "vst40.8 {q0, q1, q2, q3}, [r12]\n"
    "vst41.8 {q0, q1, q2, q3}, [r12]\n"
    "vst42.8 {q0, q1, q2, q3}, [r12]\n"
    "vst43.8 {q0, q1, q2, q3}, [r12]!\n"
    "le lr, 1b\n"
    ".endm\n");

__attribute__((naked)) void nonn_depthwise_cells(nonn_depthwise_rows *rows, int32_t y,
                                                 uint32_t count, int8_t *cells) {
    (void)rows;
    (void)y;
    (void)count;
    (void)cells;
    __asm volatile(
        "push {r0, r4-r11, lr}\n"
        "vpush {d8-d9}\n"
        "mov r10, r1\n"
        "mov r11, r2\n"
        "mov r12, r3\n"
        "ldr r4, [r0, #32]\n"
        "vmsr p0, r4\n"
        "movs r4, #0\n"
        "vidup.u8 q4, r4, #4\n"
        ".Lrow:\n"
        "ldr lr, [sp, #16]\n"
        "ldm lr, {r5-r9, lr}\n"
        "cmp r11, #1\n"
        "it eq\n"
        "subeq r10, r9\n"
        "mla r9, r10, r6, r5\n"
        "cmp r10, #0\n"
        "blt .Loutside\n"
        "subs r5, r8, #4\n"
        "cmp r10, r5\n"
        "bgt .Loutside\n"
        "mov r0, r9\n"
        "add r2, r9, r6\n"
        "add r4, r2, r6\n"
        "add r6, r4\n"
        "mov r1, r7\n"
        "mov r3, r7\n"
        "mov r5, r7\n"
        ".Lfill:\n"
        "ldr r8, [sp, #16]\n"
        "ldr lr, [r8, #36]\n"
        "cmp lr, #0\n"
        "bne .Lbefore\n"
        "nonn_depthwise_four_rows r0\n"
        ".Lfilled:\n"
        "ldr lr, [sp, #16]\n"
        "ldr lr, [lr, #28]\n"
        "add r10, #2\n"
        "add r12, lr\n"
        "subs r11, #1\n"
        "bne .Lrow\n"
        "vpop {d8-d9}\n"
        "pop {r0, r4-r11, pc}\n"

        ".Loutside:\n"
        "nonn_depthwise_row r0 r1\n"
        "nonn_depthwise_row r2 r3\n"
        "nonn_depthwise_row r4 r5\n"
        "cmp r10, r8\n"
        "ite lo\n"
        "movlo r6, r9\n"
        "movhs r6, lr\n"
        "it hs\n"
        "movhs r7, #0\n"
        "subs r10, #3\n"
        "b .Lfill\n"

        ".Lbefore:\n"
        "mov r0, lr\n"
        "movs r1, #64\n"
        "mov lr, #0\n"
        "str lr, [r8, #36]\n"
        "nonn_depthwise_four_rows r0, q4\n"
        "b .Lfilled\n");
}

/* Even columns at r0-r2, odd ones at r3-r5, steps in r6-r8. */
__attribute__((naked)) void nonn_depthwise_half_cells(const nonn_depthwise_pairs *rows,
                                                      int8_t *cells, uint32_t pairs,
                                                      uint32_t lanes) {
    (void)rows;
    (void)cells;
    (void)pairs;
    (void)lanes;
    __asm volatile(
        ".macro nonn_depthwise_columns first second\n"
        "vpstttt\n"
        "vldrbt.u8 q0, [r0]\n"
        "vldrbt.u8 q1, [r1]\n"
        "vldrbt.u8 q2, [r2]\n"
        "vldrbt.u8 q3, [r5]\n"
        "add r0, r3, r6\n"
        "add r1, r4, r7\n"
        "add r2, r5, r8\n"
        "vpstt\n"
        "vldrbt.u8 \\first, [r3]\n"
        "vldrbt.u8 \\second, [r4]\n"
        "add r3, r0, r6\n"
        "add r4, r1, r7\n"
        "add r5, r2, r8\n"
        "vst40.8 {q0, q1, q2, q3}, [r12]\n"
        "vst41.8 {q0, q1, q2, q3}, [r12]\n"
        "vst42.8 {q0, q1, q2, q3}, [r12]\n"
        "vst43.8 {q0, q1, q2, q3}, [r12]!\n"
        ".endm\n"
        "push {r4-r8, lr}\n"
        "vpush {d8-d15}\n"
        "mov r12, r1\n"
        "vmsr p0, r3\n"
        "dls lr, r2\n"
        "ldm r0, {r0-r8}\n"
        "1:\n"
        "nonn_depthwise_columns q4 q5\n"
        "nonn_depthwise_columns q6 q7\n"
        "vst40.8 {q4, q5, q6, q7}, [r12]\n"
        "vst41.8 {q4, q5, q6, q7}, [r12]\n"
        "vst42.8 {q4, q5, q6, q7}, [r12]\n"
        "vst43.8 {q4, q5, q6, q7}, [r12]!\n"
        "le lr, 1b\n"
        "vpop {d8-d15}\n"
        "pop {r4-r8, pc}\n"
        ".purgem nonn_depthwise_columns\n");
}

#endif
