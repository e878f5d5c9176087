/* nonn_max_pool_2d on Helium: sixteen channels are compared at once. */
#ifndef NONN_KERNELS_MAX_POOL_HELIUM_H
#define NONN_KERNELS_MAX_POOL_HELIUM_H

#include <stdint.h>

#include "nonn/kernels/pool_2d.h"

typedef nonn_pool_2d_params nonn_max_pool_helium_params;

/* As nonn_max_pool_2d. Outputs are written in order, sixteen after their windows are read: `output`
 * may overlap `input` from below. */
void nonn_max_pool_helium(const nonn_max_pool_helium_params *params, const int8_t *input,
                          int8_t *output);

#endif
