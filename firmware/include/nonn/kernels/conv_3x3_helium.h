/* 3x3 convolution of stride 1 on Helium, tile by tile (nonn/kernels/helium_tile.h).
 *
 * Computes what nonn/kernels/conv_2d.h says, bit for bit, without dilation and groups, for
 * multiples of 16 channels and rows of four outputs or more. The four pixels of a tile share their
 * columns: a row of taps takes six loads of the input where single fields take twelve. The panel is
 * [channels / 16][row of taps][column][16]; for 16 channels and outputs
 * of no more than NONN_HELIUM_CHANNELS the image itself serves, and a panel is
 * the addresses of its rows and room for what reaches beyond the image. Pairs of channels walk it
 * forwards and backwards in turn, so that each begins with the columns that the one before it ended
 * with. The last tile of a row begins four pixels before its end, if need be over the one before
 * it.
 */
#ifndef NONN_KERNELS_CONV_3X3_HELIUM_H
#define NONN_KERNELS_CONV_3X3_HELIUM_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t pad_h, pad_w; /* above and left; below and right follow from the sizes */
    uint16_t tiles;        /* computed at a time; 1 unless out_w is a multiple of 4 */
    int8_t zero_point;     /* the input's */
    int8_t activation_min, activation_max;
    int16_t output_offset; /* the output's zero point */
    int32_t scale;         /* see nonn_helium_filters, also for the constants */
    const int8_t *weights; /* [pair of channels][step][kernel column][2][16]; a step is a row of
                              taps of 16 channels, in the order of the panel and, for every other
                              pair, backwards */
    const int32_t *constants;
} nonn_conv_3x3_helium_params;

/* `scratch` holds the tiles' sums, then their panels. Outputs may overlap the input where they
 * start as far below it as the generator says. */
void nonn_conv_3x3_helium(const nonn_conv_3x3_helium_params *params, const int8_t *input,
                          int8_t *output, void *scratch);

#endif
