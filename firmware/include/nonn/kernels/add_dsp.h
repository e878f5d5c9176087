/* ADD and SUB of two inputs of one shape on the DSP extension: one linear form.
 *
 * output = saturate(sum >> NONN_ADD_DSP_SHIFT), where
 * sum = (first_factor * first >> 8) + (second_factor * second >> 8) + offset, each product of 40
 * bits shifted to 32 by one SMLAW. The code generator takes this kernel where it has found factors
 * that give nonn_add's output for each of the 65,536 pairs of inputs, without a sum beyond 32 bits.
 */
#ifndef NONN_KERNELS_ADD_DSP_H
#define NONN_KERNELS_ADD_DSP_H

#include <stdint.h>

#define NONN_ADD_DSP_SHIFT 20

typedef struct {
    int32_t count; /* elements of each input and of the output */
    int32_t first_factor, second_factor;
    int32_t offset;
} nonn_add_dsp_params;

/* `output` may be either input; four elements are written when their inputs have been read. */
void nonn_add_dsp(const nonn_add_dsp_params *params, const int8_t *first, const int8_t *second,
                  int8_t *output);

#endif
