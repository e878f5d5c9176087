/* nonn_max_pool_2d for channels in fours, on the DSP extension: four are compared at once. */
#ifndef NONN_KERNELS_MAX_POOL_DSP_H
#define NONN_KERNELS_MAX_POOL_DSP_H

#include <stdint.h>

#include "nonn/kernels/pool_2d.h"

typedef nonn_pool_2d_params nonn_max_pool_dsp_params;

/* As nonn_max_pool_2d; channels is a multiple of 4. Outputs are written in order, four after
 * their windows are read: `output` may overlap `input` from below. */
void nonn_max_pool_dsp(const nonn_max_pool_dsp_params *params, const int8_t *input, int8_t *output);

#endif
