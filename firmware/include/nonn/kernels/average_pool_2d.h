/* Mean over each window, rounded to nearest with ties away from zero, then clamped to the
 * activation.
 *
 * input int8 [batches, input_height, input_width, channels],
 * output int8 [batches, output_height, output_width, channels], same scale and zero point.
 * At most 2^23 pixels a window, so that the sum fits 32 bits.
 */
#ifndef NONN_KERNELS_AVERAGE_POOL_2D_H
#define NONN_KERNELS_AVERAGE_POOL_2D_H

#include <stdint.h>

#include "nonn/kernels/pool_2d.h"

typedef nonn_pool_2d_params nonn_average_pool_2d_params;

void nonn_average_pool_2d(const nonn_average_pool_2d_params *params, const int8_t *input,
                          int8_t *output);

#endif
