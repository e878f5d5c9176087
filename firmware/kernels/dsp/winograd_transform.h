/* The transforms of nonn_winograd_dsp(), from int8 to pairs of int16.
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

/* A filter of `channels` in words of four, [channels / 4][row 0, 2, 1][3], to `u`:
 * [group][16][8][2], of which every other word is written. */
void nonn_winograd_filter(const int32_t *filter, int32_t channels, int32_t *u);

/* A patch of 4x4 pixels, `down` bytes from one row to the next and `channels` from pixel to pixel,
 * to `v`: [group][16][8][4], of which every fourth word is written. */
void nonn_winograd_patch(const int8_t *patch, int32_t down, int32_t channels, int32_t *v);

#endif
