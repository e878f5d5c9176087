/* nonn_average_pool_2d for windows of at most 256 pixels and channels in fours, on the DSP
 * extension: four channels are summed in two words. */
#ifndef NONN_KERNELS_AVERAGE_POOL_DSP_H
#define NONN_KERNELS_AVERAGE_POOL_DSP_H

#include <stdint.h>

#include "nonn/kernels/pool_2d.h"

typedef nonn_pool_2d_params nonn_average_pool_dsp_params;

/* As nonn_average_pool_2d; channels is a multiple of 4. Outputs are written in order, four after
 * their windows are read: `output` may overlap `input` from below. */
void nonn_average_pool_dsp(const nonn_average_pool_dsp_params *params, const int8_t *input,
                           int8_t *output);

#endif
