/* Depthwise convolution 3x3 of one NHWC image on the DSP extension, stride 1 or 2, multiplier 1.
 *
 * Computes what nonn_depthwise_conv_2d does. Four channels are taken at a time, and of these the
 * rows in pairs: a word holds one channel of two rows, as int16, and SMLAD multiplies both. A strip
 * is what one pass from left to right needs, two such words per column (four rows), and gives two
 * rows of outputs with stride 1, one row with stride 2. The sums take the place of the words they
 * are made of; a last pass requantises them, as codegen/kernels/fused_requantize.py says and
 * proves.
 *
 * Several strips lie one after the other as one long row, with the padding of one column between
 * them: `strips` at a time, of `pitch` columns each.
 */
#ifndef NONN_KERNELS_DEPTHWISE_DSP_H
#define NONN_KERNELS_DEPTHWISE_DSP_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, channels; /* channels: a multiple of 4 */
    uint16_t out_h, out_w;
    uint8_t stride;       /* 1 or 2, of both axes */
    uint8_t pad_h, pad_w; /* above and left: 0 or 1 */
    int8_t input_zero_point;
    uint16_t strips, pitch;
    const int8_t *weights;     /* [channels / 4][3 columns][3 rows][4] */
    const int32_t *bias;       /* [channels], what a sum of products starts from */
    const int32_t *multiplier; /* [channels] */
    const int16_t *addend;     /* [channels] */
    const int16_t *correction; /* [channels] or NULL for none */
    const uint8_t *scale;      /* [channels], weights are multiplied by 2^scale */
} nonn_depthwise_dsp_params;

/* Bytes of scratch: NONN_DEPTHWISE_DSP_WEIGHTS for the weights of four channels, 32 for each column
 * of the long row and one more, and, unless all strips fit at once, 16 for each of `in_w`. `output`
 * may be `input` or overlap it from below; overlapping by whole pixels is faster. */
#define NONN_DEPTHWISE_DSP_WEIGHTS 96

void nonn_depthwise_dsp(const nonn_depthwise_dsp_params *params, const int8_t *input,
                        int8_t *output, void *scratch);

#endif
