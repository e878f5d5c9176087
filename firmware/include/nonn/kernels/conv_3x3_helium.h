/* 3x3 convolution of stride 1 or 2 on Helium, tile by tile (nonn/kernels/helium_tile.h).
 *
 * Computes what nonn/kernels/conv_2d.h says, bit for bit, without dilation and groups, for
 * multiples of 16 channels and rows of four outputs or more. The four pixels of a tile share their
 * columns: a row of taps takes six loads of the input, at stride 2 nine, where single fields take
 * twelve. Three rows of the image at a time are copied to a ring, [16 channels][column][16], with
 * the padding around them; so outputs may lie over the rows before. From there a tile's columns go
 * to a panel, [16 channels][row of taps][column][16]; for 16 channels the ring itself
 * serves. Pairs of channels walk the panel forwards and backwards in turn, so that each begins with
 * the columns that the one before it ended with. The last tile of a row begins four pixels before
 * its end, if need be over the one before it.
 */
#ifndef NONN_KERNELS_CONV_3X3_HELIUM_H
#define NONN_KERNELS_CONV_3X3_HELIUM_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t pad_h, pad_w; /* above and left; below and right follow from the sizes */
    uint16_t used_w;       /* columns of the image that any window meets, from the first one on */
    uint16_t columns;      /* that the windows of a row meet, with the padding */
    uint16_t at_once;      /* channels whose sums are kept, a multiple of 4 */
    uint8_t stride;        /* 1 or 2 */
    int8_t zero_point;     /* the input's */
    int8_t activation_min, activation_max;
    int16_t output_offset; /* the output's zero point */
    int32_t scale;         /* see nonn_helium_filters, also for the constants */
    const int8_t *weights; /* [pair of channels][step][kernel column][2][16]; a step is a row of
                              taps of 16 channels, in the order of the panel and, for every other
                              pair, backwards. Kernel columns have the order 0, 1, 2; at stride 2
                              it is 0, 2, 1, in the first step of a pair 1, 2, 0. */
    const int32_t *constants;
} nonn_conv_3x3_helium_params;

/* `scratch` holds a tile's sums, its panel if there is one, and the ring. Outputs may overlap the
 * input where they start as far below it as the generator says. */
void nonn_conv_3x3_helium(const nonn_conv_3x3_helium_params *params, const int8_t *input,
                          int8_t *output, void *scratch);

#endif
