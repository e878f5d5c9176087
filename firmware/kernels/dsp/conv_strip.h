/* The inner part of the convolution: pixels side by side, two at a time, all channels.
 *
 * A weight word holds, for two taps, 256 * a + b of two filters in each half. SMLAD with such words
 * gives 256 * A + B, the sums of both filters; SMLAD with the bytes b alone, which SXTB16 leaves,
 * gives B (codegen/kernels/pack_pairs.py): one instruction unpacks weights for two filters. Inputs
 * are widened to 16 bits once, for all filters.
 */
#ifndef NONN_KERNELS_DSP_CONV_STRIP_H
#define NONN_KERNELS_DSP_CONV_STRIP_H

#include <stdint.h>

/* Pairs of taps in a turn of the loop. */
#define NONN_STRIP_UNROLLED 16

/* The assembly knows where each field is. */
typedef struct {
    uint32_t *windows; /* two pixels' pairs of taps in turn */
    const uint32_t *windows_end;
    uint32_t skipped; /* steps of the loop's first turn: (1 - pairs) mod NONN_STRIP_UNROLLED */
    int8_t *output;
    const int8_t *end; /* of the first pixel's output */
    int32_t second;    /* bytes from a pixel's output to the next; 0: there is one pixel only */
    uint32_t away;     /* 1: requantise with ties away from zero */
    const uint32_t *weights; /* as in nonn/kernels/conv_dsp.h */
    const int8_t *from;      /* first tap of the first pixel */
    int32_t step;            /* bytes from there to the next pixel's */
    int32_t run;             /* taps side by side */
    int32_t runs;            /* in a window */
    int32_t gap;             /* bytes from the end of a run to the next one */
    int32_t widened;         /* runs to widen: those of one window or of two; 0: they are */
    int32_t blocks;          /* of two pixels to compute; 0: only widen */
    int32_t odd_zero;        /* twice the output's zero point, plus one */
} nonn_strip;

/* For each block: widens the windows, then computes the channels up to `end`, output after that.
 * For more than one block `second` must be the number of channels. A run of taps becomes pairs 0
 * and 2, 1 and 3 and so on; the rest after fours 0 alone, 0 and 1, or 0 and 2 and 1 alone. What
 * stands beside a tap that is alone has a weight of 0 and may be anything, as may be the windows of
 * a second pixel that there is not. */
void nonn_strip_run(const nonn_strip *strip);

#endif
