/* The inner parts of nonn_winograd_dsp(): transforms from int8 to pairs of int16, products of
 * pairs, and the way back to int8.
 *
 * A word of four channels gives two pairs: the even channels and the odd ones. They are multiplied
 * in groups of 16 channels, which are 8 pairs, for two filters and a block of four tiles at a time.
 */
#ifndef NONN_KERNELS_DSP_WINOGRAD_TRANSFORM_H
#define NONN_KERNELS_DSP_WINOGRAD_TRANSFORM_H

#include <stdint.h>

#define NONN_WINOGRAD_GROUP 16
#define NONN_WINOGRAD_TILES 4

/* Words of a group: 16 positions of 8 pairs, for the filters and for the tiles. */
#define NONN_WINOGRAD_U (16 * 8 * 2)
#define NONN_WINOGRAD_V (16 * 8 * NONN_WINOGRAD_TILES)

/* Words from the sums of one position to those of the next, [tile][filter] each. They fill half of
 * it, in step with u. */
#define NONN_WINOGRAD_M 16

/* Where a tile's outputs go. At an edge that cuts the tile in half the step is 0: what is outside
 * is written first, then what is inside. */
typedef struct {
    int8_t *at;
    int32_t right, down;
} nonn_winograd_place;

/* A filter of `channels` in words of four, [channels / 4][row 0, 2, 1][3], to `u`:
 * [group][16][8][2], of which every other word is written. */
void nonn_winograd_filter(const int32_t *filter, int32_t channels, int32_t *u);

/* A patch of 4x4 pixels, `down` bytes from one row to the next and `channels` from pixel to pixel,
 * to `v`: [group][16][8][4], of which every fourth word is written. */
void nonn_winograd_patch(const int8_t *patch, int32_t down, int32_t channels, int32_t *v);

/* Sums over the channels of u * v. `last` is the bytes of u in front of its last group; the sums of
 * a position go `ahead` bytes behind what that group has for it: 0 puts them over u. */
void nonn_winograd_multiply(const int32_t *u, const int32_t *v, int32_t ahead, int32_t last);

/* Outputs of the two filters, of the tiles from `places` to `end`, whose addresses move on by two.
 * `channels` has bias, multiplier, addend and shift of each filter. */
void nonn_winograd_finish(const int32_t *m, nonn_winograd_place *places,
                          const nonn_winograd_place *end, const int32_t *channels);

#endif
