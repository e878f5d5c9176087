/* What the 2-D pooling kernels share: their parameters, and where a window meets the input.
 *
 * Tensors are NHWC. A window is cut off at the edge of the input: pixels outside it neither count
 * nor win. The code generator guarantees that every window holds at least one pixel.
 */
#ifndef NONN_KERNELS_POOL_2D_H
#define NONN_KERNELS_POOL_2D_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t channels;
    int32_t input_height;
    int32_t input_width;
    int32_t output_height;
    int32_t output_width;
    int32_t filter_height;
    int32_t filter_width;
    int32_t stride_height;
    int32_t stride_width;
    int32_t padding_top;
    int32_t padding_left;
    int32_t activation_min; /* in [-128, activation_max] */
    int32_t activation_max; /* at most 127 */
} nonn_pool_2d_params;

/* Half-open range of input rows (or columns) under one window. */
typedef struct {
    int32_t begin;
    int32_t end;
} nonn_pool_2d_span;

static inline nonn_pool_2d_span nonn_pool_2d_window(int32_t position, int32_t stride,
                                                    int32_t padding, int32_t filter, int32_t size) {
    const int32_t origin = position * stride - padding;
    const nonn_pool_2d_span span = {origin > 0 ? origin : 0,
                                    filter < size - origin ? origin + filter : size};
    return span;
}

#endif
