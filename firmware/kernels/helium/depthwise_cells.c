#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "depthwise_sums.h"

/* r0, r2, r4, r6 are the rows, the registers behind them their steps; r8 the columns, r9 next_row,
 * r10 gap, r11 the rows of cells to come, r12 the cells. */
#define FOUR_ROWS(first_row)             \
    "push {r4-r11, lr}\n"                \
    "vpush {d8-d9}\n"                    \
    "mov r12, r1\n"                      \
    "vmsr p0, r2\n"                      \
    "movs r4, #0\n"                      \
    "vidup.u8 q4, r4, #4\n"              \
    "add r3, r0, #32\n"                  \
    "ldm r3, {r8-r11}\n"                 \
    "ldm r0, {r0-r7}\n"                  \
    "1:\n"                               \
    "dls lr, r8\n"                       \
    "2:\n"                               \
    "vpstttt\n"                          \
    "vldrbt.u8 q0, " first_row           \
    "\n"                                 \
    "vldrbt.u8 q1, [r2]\n"               \
    "vldrbt.u8 q2, [r4]\n"               \
    "vldrbt.u8 q3, [r6]\n"               \
    "add r0, r1\n"                       \
    "add r2, r3\n"                       \
    "add r4, r5\n"                       \
    "add r6, r7\n"                       \
    "vst40.8 {q0, q1, q2, q3}, [r12]\n"  \
    "vst41.8 {q0, q1, q2, q3}, [r12]\n"  \
    "vst42.8 {q0, q1, q2, q3}, [r12]\n"  \
    "vst43.8 {q0, q1, q2, q3}, [r12]!\n" \
    "le lr, 2b\n"                        \
    "add r0, r9\n"                       \
    "add r2, r9\n"                       \
    "add r4, r9\n"                       \
    "add r6, r9\n"                       \
    "add r12, r10\n"                     \
    "subs r11, #1\n"                     \
    "bne 1b\n"                           \
    "vpop {d8-d9}\n"                     \
    "pop {r4-r11, pc}\n"

__attribute__((naked)) void nonn_depthwise_cells(const nonn_depthwise_rows *rows, int8_t *cells,
                                                 uint32_t lanes) {
    (void)rows;
    (void)cells;
    (void)lanes;
    __asm volatile(FOUR_ROWS("[r0]"));
}

__attribute__((naked)) void nonn_depthwise_next_cells(const nonn_depthwise_rows *rows,
                                                      int8_t *cells, uint32_t lanes) {
    (void)rows;
    (void)cells;
    (void)lanes;
    __asm volatile(FOUR_ROWS("[r0, q4]"));
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
