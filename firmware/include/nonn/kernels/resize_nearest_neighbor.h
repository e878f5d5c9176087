/* Nearest-neighbour resizing of NHWC images, by tables of source rows and columns.
 *
 * input int8 [batches, input_height, input_width, channels],
 * output int8 [batches, output_height, output_width, channels].
 */
#ifndef NONN_KERNELS_RESIZE_NEAREST_NEIGHBOR_H
#define NONN_KERNELS_RESIZE_NEAREST_NEIGHBOR_H

#include <stdint.h>

typedef struct {
    int32_t batches;
    int32_t channels;
    int32_t input_height;
    int32_t input_width;
    int32_t output_height;
    int32_t output_width;
    const uint16_t *row;    /* [output_height], each below input_height */
    const uint16_t *column; /* [output_width], each below input_width */
} nonn_resize_nearest_neighbor_params;

void nonn_resize_nearest_neighbor(const nonn_resize_nearest_neighbor_params *params,
                                  const int8_t *input, int8_t *output);

#endif
