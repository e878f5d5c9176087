/* nonn_average_pool_2d for windows of at most NONN_AVERAGE_POOL_HELIUM_PIXELS, on Helium: eight
 * channels at a time.
 *
 * Sums of up to 256 pixels fit 16 bits. With h = |sum| + n / 2 for n pixels, h / n is
 * (2 * h * m) >> 32 for m = 2^31 / n, rounded up: m * n is at most n - 1 above 2^31, so the product
 * is too large by less than 2^32 / n, and h < 129 * n.
 */
#ifndef NONN_KERNELS_AVERAGE_POOL_HELIUM_H
#define NONN_KERNELS_AVERAGE_POOL_HELIUM_H

#include <stdint.h>

#include "nonn/kernels/pool_2d.h"

#define NONN_AVERAGE_POOL_HELIUM_PIXELS 4000 /* 129 * n * n < 2^31 */

typedef nonn_pool_2d_params nonn_average_pool_helium_params;

/* As nonn_average_pool_2d; filter_w or in_w is at most 256. Outputs are written in order, eight
 * after their windows are read: `output` may overlap `input` from below. */
void nonn_average_pool_helium(const nonn_average_pool_helium_params *params, const int8_t *input,
                              int8_t *output);

#endif
