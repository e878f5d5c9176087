/* Convolution without groups on Helium, tile by tile (nonn/kernels/helium_tile.h).
 *
 * Computes what nonn/kernels/conv_2d.h says, bit for bit. Receptive fields are copied from the
 * image into a panel tap by tap, a tap's channels padded to whole chunks; so it is meant for single
 * pixels, which may also be taken where they lie, and for multiples of 16 channels. The chunks'
 * order is row, column, channels.
 */
#ifndef NONN_KERNELS_CONV_HELIUM_H
#define NONN_KERNELS_CONV_HELIUM_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t dilation_h, dilation_w;
    uint16_t pad_h, pad_w; /* above and left; below and right follow from the sizes */
    uint16_t at_once;      /* channels whose sums are kept, a multiple of 4 */
    uint8_t direct;        /* single pixels, NONN_HELIUM_DIRECT(chunks), none outside */
    int8_t zero_point;     /* the input's */
    int8_t activation_min, activation_max;
    int16_t output_offset; /* the output's zero point */
    int32_t scale;         /* see nonn_helium_filters, also for the tables */
    const int8_t *weights;
    const int32_t *constants;
} nonn_conv_helium_params;

/* `scratch` holds a tile's sums, then, unless pixels serve where they lie, its panel. Outputs may
 * overlap the input where they start as far below it as the generator says. */
void nonn_conv_helium(const nonn_conv_helium_params *params, const int8_t *input, int8_t *output,
                      void *scratch);

#endif
