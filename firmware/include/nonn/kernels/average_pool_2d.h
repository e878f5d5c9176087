/* Mean over each window, rounded to nearest with ties away from zero, then clamped. */
#ifndef NONN_KERNELS_AVERAGE_POOL_2D_H
#define NONN_KERNELS_AVERAGE_POOL_2D_H

#include <stdint.h>

#include "nonn/kernels/pool_2d.h"

typedef nonn_pool_2d_params nonn_average_pool_2d_params;

/* `input` [batches][in_h][in_w][channels], `output` [batches][out_h][out_w][channels], quantised
 * alike. Outputs are written in order, each after its window is read: `output` may overlap `input`
 * from below. */
void nonn_average_pool_2d(const nonn_average_pool_2d_params *params, const int8_t *input,
                          int8_t *output);

#endif
