/* Convolution with few input channels on Helium, tile by tile (nonn/kernels/helium_tile.h).
 *
 * Computes what nonn/kernels/conv_2d.h says, bit for bit, without dilation and groups, for less
 * than 16 channels. Before a row of outputs the rows of the image that it needs are laid out as
 * columns: [column][kernel_h][channels], with the padding. A receptive field is then one run of
 * bytes, in the order kernel column, kernel row, channel.
 */
#ifndef NONN_KERNELS_CONV_COLUMNS_HELIUM_H
#define NONN_KERNELS_CONV_COLUMNS_HELIUM_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t kernel_h, kernel_w;
    uint16_t stride_h, stride_w;
    uint16_t pad_h, pad_w;  /* above and left; below and right follow from the sizes */
    uint16_t used_w;        /* columns of the image that any window meets, from the first one on */
    uint16_t columns_bytes; /* of all columns, and of what is read behind them to fill a chunk */
    uint8_t buffers;        /* for rows of columns: as many as a tile's pixels can lie in */
    uint16_t at_once;       /* channels whose sums are kept, a multiple of 4 */
    int8_t zero_point;      /* the input's */
    int8_t activation_min, activation_max;
    int16_t output_offset; /* the output's zero point */
    int32_t scale;         /* see nonn_helium_filters, also for the tables */
    const int8_t *weights;
    const int32_t *constants;
} nonn_conv_columns_helium_params;

/* `scratch` holds a tile's sums, its panel unless NONN_HELIUM_DIRECT(chunks), and the columns.
 * Outputs may overlap the input where they start as far below it as the generator says. */
void nonn_conv_columns_helium(const nonn_conv_columns_helium_params *params, const int8_t *input,
                              int8_t *output, void *scratch);

#endif
