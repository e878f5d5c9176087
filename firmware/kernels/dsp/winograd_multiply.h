/* The products of nonn_winograd_dsp(), and the way from their sums back to int8. */
#ifndef NONN_KERNELS_DSP_WINOGRAD_MULTIPLY_H
#define NONN_KERNELS_DSP_WINOGRAD_MULTIPLY_H

#include <stdint.h>

/* Words of the sums of a block, [16 positions][tile][filter]. */
#define NONN_WINOGRAD_M (16 * 4 * 2)

/* Where a tile's outputs go. At an edge that cuts the tile in half the step is 0: what is outside
 * is written first, then what is inside. */
typedef struct {
    int8_t *at;
    int32_t right, down;
} nonn_winograd_place;

/* Sums over the channels of u * v; `last` is the bytes of u in front of its last group. */
void nonn_winograd_multiply(const int32_t *u, const int32_t *v, int32_t *m, int32_t last);

/* Outputs of the two filters, of the tiles from `places` to `end`, whose addresses move on by two.
 * `channels` has four constants of each filter, see nonn/kernels/winograd_dsp.h: of the straight
 * line, or of the form with ties away from zero. */
void nonn_winograd_finish_line(const int32_t *m, nonn_winograd_place *places,
                               const nonn_winograd_place *end, const int32_t *channels);
void nonn_winograd_finish_away(const int32_t *m, nonn_winograd_place *places,
                               const nonn_winograd_place *end, const int32_t *channels);

#endif
