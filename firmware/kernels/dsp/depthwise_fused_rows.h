/* The inner loops of nonn_depthwise_fused_dsp(): from pixels to columns, to bytes of outputs.
 *
 * A column holds words of two rows, int16, for each of four channels: with stride 1 the upper two
 * rows and the lower two rows of a strip; with stride 2 two rows only, and the lower ones of a
 * strip are the upper ones of the next.
 */
#ifndef NONN_KERNELS_DSP_DEPTHWISE_FUSED_ROWS_H
#define NONN_KERNELS_DSP_DEPTHWISE_FUSED_ROWS_H

#include <stdint.h>

#include "nonn/target.h"

#if NONN_TARGET_DSP

enum {
    GROUP = 4,  /* channels */
    COLUMN = 8, /* words with stride 1; GROUP with stride 2 */
};

/* In the place of a column's upper words, after the last one of a strip: no two pixels. */
#define LAST 0x80008000u

/* Four channels of a row of pixels. */
typedef struct {
    const int8_t *at;
    int32_t step; /* bytes to the next pixel, 0 beside the image */
} nonn_depthwise_row;

/* Two rows as words, `offset` added: as the lower words of one strip and, at `also`, the upper ones
 * of the next. Carried to strips that are laid out later, these are put without gaps. */
void nonn_depthwise_gather_1(const nonn_depthwise_row rows[2], uint32_t offset, int32_t pixels,
                             uint32_t *words, uint32_t *also);
void nonn_depthwise_carry_1(const nonn_depthwise_row rows[2], uint32_t offset, int32_t pixels,
                            uint32_t *words, uint32_t *carried);
void nonn_depthwise_gather_2(const nonn_depthwise_row rows[2], uint32_t offset, int32_t pixels,
                             uint32_t *words);

/* In the order of the registers they are for. */
typedef struct {
    uint32_t *upper, *lower; /* words of the first strip; `lower` only with stride 2 */
    const uint32_t *weights; /* [4 channels][5], 256 times as large, as int16: rows 0 and 1 of */
    const int32_t *start;    /* each column, columns 0 and 1 of row 2, column 2 of row 2 */
    const int32_t *multiplier;
    uint32_t strips; /* only with stride 2 */
} nonn_depthwise_strips;

/* Outputs of four channels. Those that column x of a strip completes take the place of its first
 * upper word, four channels, and with stride 1 the lower row's that of its first lower word. What
 * the first columns complete means nothing where there is no such output.
 *
 * With stride 1, `odd` tells an odd number of columns; a strip ends with LAST in all upper words,
 * and in all lower words whether another one follows. With stride 2, `entry` is 1 where a window
 * begins one column before the first, and 2 more where an odd number of windows begin before LAST.
 */
void nonn_depthwise_pass_1(const nonn_depthwise_strips *strips, uint32_t odd);
void nonn_depthwise_pass_2(const nonn_depthwise_strips *strips, uint32_t entry);

#endif

#endif
