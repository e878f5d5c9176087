/* The transforms of nonn/kernels/winograd_dsp.h: from int8 to pairs of int16, ready to be
 * multiplied.
 *
 * A word of four channels gives two pairs: the even channels and the odd ones.
 */
#ifndef NONN_KERNELS_DSP_WINOGRAD_TRANSFORM_H
#define NONN_KERNELS_DSP_WINOGRAD_TRANSFORM_H

#include <stdint.h>

/* Words between one pair of channels and the next: 16 positions of a filter, times two filters, and
 * of an input, times four tiles. */
#define NONN_WINOGRAD_U 32
#define NONN_WINOGRAD_V 64

/* A filter of `channels` in words of four, [channels / 4][3][3], to `u`: [channels / 2][16][2], of
 * which every other word is written. */
void nonn_winograd_filter(const int32_t *filter, int32_t channels, int32_t *u);

/* A patch of 4x4 pixels, `row` bytes from one row to the next and `channels` from pixel to pixel,
 * to `v`: [channels / 2][16][4], of which every fourth word is written. */
void nonn_winograd_patch(const int8_t *patch, int32_t row, int32_t channels, int32_t *v);

#endif
