/* Convolution 3x3, stride 1, by Winograd's minimal filtering F(2x2, 3x3) in exact integers.
 *
 * Computes what nonn_conv_2d() does for a kernel of 3x3 at stride 1 without dilation and groups,
 * with no zeros or one before each axis, in_c a multiple of 16 and out_c even. Per tile of 2x2
 * outputs and channel it takes 16 products instead of 36.
 *
 * Filters g become U = G g G^T with G = (1,0,0), (1,1,1), (1,-1,1), (0,0,1): the usual transform
 * without its halves. Patches d of 4x4 inputs become V = B^T d B with B^T = (1,0,-1,0), (0,1,1,0),
 * (0,-1,1,0), (0,1,0,-1). Both fit int16: |U| <= 9 * 128 and |V| <= 4 * 128. M is the sum of U * V
 * over the channels, for each of the 16 positions, and the outputs are A^T M A with A^T =
 * (2,1,1,0), (0,1,-1,-2), which makes up for the halves: four times the sum of products. It is
 * halved on the way, the part of M's two inner rows before the other is added. Everything up to
 * there is additions and multiplications modulo 2^32, so that only that part and the last number
 * have to fit 32 bits, which codegen/kernels/winograd_dsp.py proves. The inputs enter as they are,
 * their offset is in the bias; the padding holds the zero point. Source of the algorithm: Lavin and
 * Gray, Fast Algorithms for Convolutional Neural Networks, 2016.
 */
#ifndef NONN_KERNELS_WINOGRAD_DSP_H
#define NONN_KERNELS_WINOGRAD_DSP_H

#include <stdint.h>

typedef struct {
    uint16_t in_h, in_w, in_c;
    uint16_t out_h, out_w, out_c;
    uint16_t batch;       /* tiles that are transformed at a time, a multiple of 4 */
    uint8_t pad_h, pad_w; /* above and left: 0 or 1; below and right follow from the sizes */
    uint8_t apart;        /* output and input share no memory */
    uint8_t transformed;  /* the weights are U */
    uint8_t away;         /* 1: requantise with ties away from zero, 0: along a straight line */
    int8_t zero_point;    /* of the input */
    int8_t activation_min, activation_max;
    const int32_t *weights;  /* int8 [out_c][in_c / 4][row 0, 2, 1][3][4], four to a word, or int16
                              * [out_c / 2][in_c / 16][16 positions][8][2 filters][2], two to one */
    const int32_t *channels; /* [out_c][4]: what is added to four times the sum of products, then
                              * multiplier, addend and shift of nonn_requantize_away() or, along a
                              * straight line, multiplier and addend for half of that, and 0 */
} nonn_winograd_dsp_params;

/* `input` holds in_h * in_w * in_c values, `output` out_h * out_w * out_c. Batches of tiles follow
 * each other in the order of the rows; a batch reads all its inputs before it writes its outputs.
 * `scratch` is aligned to 4 and has for each tile of a batch 32 * in_c + 12 bytes, and beside them
 * the larger of 512 and 16 * in_c, and 64 * in_c more unless the weights are transformed. With
 * `apart`, the output is aligned to 4 too, and batches are larger as long as the end of it, which
 * is not written yet, has room for further tiles. */
void nonn_winograd_dsp(const nonn_winograd_dsp_params *params, const int8_t *input, int8_t *output,
                       void *scratch);

#endif
