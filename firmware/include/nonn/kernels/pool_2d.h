/* The parameters of AVERAGE_POOL_2D and MAX_POOL_2D.
 *
 * Windows are cut off at the edge of the image: what lies outside neither counts nor wins. Every
 * window holds at least one pixel, at most 2^23: the generator refuses others.
 */
#ifndef NONN_KERNELS_POOL_2D_H
#define NONN_KERNELS_POOL_2D_H

#include <stdint.h>

typedef struct {
    int32_t batches, channels;
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    int32_t filter_h, filter_w;
    int32_t stride_h, stride_w;
    int32_t pad_h, pad_w;                   /* above and left */
    int32_t activation_min, activation_max; /* -128 <= min <= max <= 127 */
} nonn_pool_2d_params;

#endif
