/* Depthwise convolution 3x3 of one NHWC image on the DSP extension, stride 1 or 2, multiplier 1,
 * for layers whose outputs are one linear function of the sums.
 *
 * Computes what nonn_depthwise_conv_2d does, and requantises each sum while it is in a register, by
 * saturate8(sum * multiplier >> 40): codegen/kernels/fused_line.py proves it. Four channels are
 * taken at a time, and of these the rows in pairs: a word holds one channel of two rows less the
 * zero point, as int16, and SMLAD multiplies both. A strip is what one pass from left to right
 * needs, two such words per column (four rows), and gives two rows of outputs with stride 1, one
 * row with stride 2. Padding is never multiplied from left to right: a sum begins or ends with the
 * image's edge. The outputs take the place of the words that are done with and leave from there,
 * four channels in a word.
 */
#ifndef NONN_KERNELS_DEPTHWISE_FUSED_DSP_H
#define NONN_KERNELS_DEPTHWISE_FUSED_DSP_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, channels; /* channels: a multiple of 4 */
    uint16_t out_h, out_w;
    uint8_t stride;       /* 1 or 2, of both axes */
    uint8_t pad_h, pad_w; /* above and left: 0 or 1 */
    int8_t input_zero_point;
    uint16_t strips; /* at a time */
    /* [channels / 4][9 words]: bytes of rows 0 and 1 of column 0 for channels 0 and 1: (row 0 of 0,
     * row 0 of 1, row 1 of 0, row 1 of 1), the same for channels 2 and 3, columns 1 and 2 alike;
     * then columns 0 and 1 of row 2 in place of the two rows; then column 2 of row 2, four
     * channels.
     */
    const int8_t *weights;
    const int32_t *bias;       /* [channels], what a sum of products starts from */
    const int32_t *multiplier; /* [channels] */
    const uint8_t *halvings;   /* [channels], of weights that are 256 times as large; or NULL */
} nonn_depthwise_fused_dsp_params;

/* Bytes of scratch: NONN_DEPTHWISE_FUSED_DSP_WEIGHTS for the weights of four channels and, with
 * columns = in_w + 1 for stride 1: 32 for each column of each strip and, unless all strips fit at
 * once, 16 for each of in_w; with columns = in_w + 1 + (in_w + pad_w) % 2 for stride 2: 16 for each
 * column of each strip and one more. `output` may be `input` or overlap it from below; overlapping
 * by whole pixels is faster. */
#define NONN_DEPTHWISE_FUSED_DSP_WEIGHTS 80

void nonn_depthwise_fused_dsp(const nonn_depthwise_fused_dsp_params *params, const int8_t *input,
                              int8_t *output, void *scratch);

#endif
