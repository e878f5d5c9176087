/* Matrix product on cores with the DSP extension: nonn_fully_connected, four units at a time.
 *
 * Inputs are widened on the way, no scratch. The sum over up to 496 inputs is exact for all weights
 * (codegen/kernels/pack_pairs.py); longer ones are added up. A row's output is written while the
 * row is still read, so output may overlap the input only as far as the generator says. Source of
 * the arithmetic: nonn/kernels/fully_connected.h; the requantisation is proven for each layer.
 */
#ifndef NONN_KERNELS_FULLY_CONNECTED_DSP_H
#define NONN_KERNELS_FULLY_CONNECTED_DSP_H

#include <stdint.h>

typedef struct {
    uint32_t rows, depth, units;
    uint8_t per_unit; /* 1: one entry of constants per unit, 0: one for all */
    int8_t activation_min, activation_max;
    /* For each four units two words for every two of depth, the odd end of depth first. */
    const uint32_t *weights;
    const int32_t *bias; /* [units]: twice the bias with the input's offset folded in */
    /* [units or 1][3]: multiplier, addend, shift, see kernels/dsp/requantize_dsp.h; ties go away
     * from zero. */
    const int32_t *constants;
} nonn_fully_connected_dsp_params;

/* `input` holds rows * depth values, `output` rows * units. */
void nonn_fully_connected_dsp(const nonn_fully_connected_dsp_params *params, const int8_t *input,
                              int8_t *output);

#endif
