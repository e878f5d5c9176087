#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <stddef.h>

#include "depthwise_cells.h"

_Static_assert(offsetof(nonn_depthwise_rows, odd) == 16 &&
                   offsetof(nonn_depthwise_rows, columns) == 24 &&
                   offsetof(nonn_depthwise_rows, gap) == 28 &&
                   offsetof(nonn_depthwise_rows, lanes) == 32 &&
                   offsetof(nonn_depthwise_rows, before) == 36,
               "as the code below reads them");

/* r0, r2, r4, r6 are the rows, the registers behind them their steps; r10 is the first row's
 * number, r11 the rows of cells to come, r12 the cells. */
__asm__(
    /* Row r10 at r9, if it is one of the image. */
    ".macro nonn_depthwise_row pixel step row_bytes pixel_bytes\n"
    "cmp r10, r8\n"
    "ittee lo\n"
    "movlo \\step, \\pixel_bytes\n"
    "movlo \\pixel, r9\n"
    "movhs \\step, #0\n"
    "movhs \\pixel, lr\n"
    "add r9, \\row_bytes\n"
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
        "nonn_depthwise_row r0 r1 r6 r7\n"
        "nonn_depthwise_row r2 r3 r6 r7\n"
        "nonn_depthwise_row r4 r5 r6 r7\n"
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

/* Even columns at r0-r2, odd ones at r3-r5, steps in r6-r8; r10-r12 as above. */
__attribute__((naked)) void nonn_depthwise_half_cells(nonn_depthwise_rows *rows, int32_t y,
                                                      uint32_t count, int8_t *cells) {
    (void)rows;
    (void)y;
    (void)count;
    (void)cells;
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
        "nonn_depthwise_cell q0, q1, q2, q3, !\n"
        ".endm\n"
        ".macro nonn_depthwise_cell a b c d on=\n"
        "vst40.8 {\\a, \\b, \\c, \\d}, [r12]\n"
        "vst41.8 {\\a, \\b, \\c, \\d}, [r12]\n"
        "vst42.8 {\\a, \\b, \\c, \\d}, [r12]\n"
        "vst43.8 {\\a, \\b, \\c, \\d}, [r12]\\on\n"
        ".endm\n"
        "push {r0, r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "push {r2, r3}\n" /* of which the cells of the row are used */
        "mov r10, r1\n"
        "mov r11, r2\n"
        "ldr r4, [r0, #32]\n"
        "vmsr p0, r4\n"
        ".Lhalf:\n"
        "ldr lr, [sp, #72]\n"
        "ldr r12, [sp, #4]\n"
        "ldm lr, {r3-r5, r8, r9, lr}\n"
        "mla r9, r10, r4, r3\n"
        "nonn_depthwise_row r0 r6 r4 r5\n"
        "nonn_depthwise_row r1 r7 r4 r5\n"
        "nonn_depthwise_row r2 r8 r4 r5\n"
        "ldr lr, [sp, #72]\n"
        "subs r10, #1\n"
        "ldr r9, [lr, #36]\n"
        "ldr lr, [lr, #24]\n"
        "add r3, r0, r6\n"
        "add r4, r1, r7\n"
        "add r5, r2, r8\n"
        "cmp r9, #0\n"
        "beq .Lunpadded\n"
        "mov r3, r0\n"
        "mov r4, r1\n"
        "mov r5, r2\n"
        "mov r0, r9\n"
        "mov r1, r9\n"
        "mov r2, r9\n"
        ".Lunpadded:\n"
        "dls lr, lr\n"
        "1:\n"
        "nonn_depthwise_columns q4 q5\n"
        "nonn_depthwise_columns q6 q7\n"
        "nonn_depthwise_cell q4, q5, q6, q7, !\n"
        "le lr, 1b\n"

        "ldr r9, [sp, #72]\n"
        "ldr r9, [r9, #16]\n"
        "cmp r9, #2\n"
        "blo .Lwhole\n"
        "nonn_depthwise_columns q4 q5\n"
        "add r12, #64\n"
        "nonn_depthwise_cell q4 q5 q6 q7\n"
        "sub r12, #64\n"
        ".Lwhole:\n"
        "lsls r9, r9, #31\n"
        "beq .Lended\n"
        "vpsttt\n"
        "vldrbt.u8 q0, [r0]\n"
        "vldrbt.u8 q1, [r1]\n"
        "vldrbt.u8 q2, [r2]\n"
        "nonn_depthwise_cell q0 q1 q2 q3\n"

        ".Lended:\n"
        "ldr lr, [sp, #72]\n"
        "ldr r12, [sp, #4]\n"
        "ldr lr, [lr, #28]\n"
        "add r12, lr\n"
        "str r12, [sp, #4]\n"
        "subs r11, #1\n"
        "bne .Lhalf\n"
        "add sp, #8\n"
        "vpop {d8-d15}\n"
        "pop {r0, r4-r11, pc}\n"
        ".purgem nonn_depthwise_columns\n"
        ".purgem nonn_depthwise_cell\n");
}

#endif
