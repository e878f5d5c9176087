/* The inner part of the convolution: pixels side by side, three at a time, all channels.
 *
 * A weight word holds, for two taps, 256 * a + b of two filters in each half. SMLAD with such words
 * gives 256 * A + B, the sums of both filters; SMLAD with the bytes b alone, which SXTB16 leaves,
 * gives B (codegen/kernels/pack_pairs.py): one instruction unpacks weights for two filters. Inputs
 * are widened to 16 bits once, for all filters.
 */
#ifndef NONN_KERNELS_DSP_CONV_STRIP_H
#define NONN_KERNELS_DSP_CONV_STRIP_H

#include <stdint.h>

#define NONN_STRIP_PIXELS 3

/* Steps, each of a pair of taps, are made three at a time; so many threes in a turn of the loop. */
#define NONN_STRIP_UNROLLED 11

/* The assembly knows where each field is. */
typedef struct {
    uint32_t *windows; /* three pixels' pairs of taps in turn */
    /* Bytes from the first pixel's output to the second's and the third's; 0 for pixels that there
     * are not: what the first one gives is written last. */
    int32_t second, third;
    int8_t *output;
    const int8_t *last; /* of the first pixel's outputs */
    uint32_t first;     /* steps before the loop: 1 to 3, so that threes are left */
    uint32_t entered;   /* threes of its first turn, 0 if there is none */
    uint32_t more;      /* whether there are more turns */
    const uint32_t *windows_end;
    const uint32_t *weights;               /* as in nonn/kernels/conv_dsp.h */
    const int8_t *from[NONN_STRIP_PIXELS]; /* first tap of each pixel */
    int32_t run;                           /* taps side by side */
    int32_t runs;                          /* in a window */
    int32_t gap;                           /* bytes from the end of a run to the next one */
    int32_t onwards;  /* bytes from the first taps of a block to those of the next */
    int32_t blocks;   /* of three pixels to compute */
    int32_t odd_zero; /* twice the output's zero point, plus one */
    uint32_t away;    /* 1: requantise in the short form, with ties away from zero */
} nonn_strip;

/* For each block: widens the windows, then computes the channels up to `last`, output after that.
 * For more than one block `second` must be the number of channels. A run of taps becomes pairs 0
 * and 2, 1 and 3 and so on; the rest after fours 0 alone, 0 and 1, or 0 and 2 and 1 alone. What
 * stands beside a tap that is alone has a weight of 0 and may be anything. */
void nonn_strip_run(const nonn_strip *strip);

#endif
