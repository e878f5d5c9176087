/* Nearest-neighbour resizing of NHWC images, by tables of source rows and columns. */
#ifndef NONN_KERNELS_RESIZE_NEAREST_NEIGHBOR_H
#define NONN_KERNELS_RESIZE_NEAREST_NEIGHBOR_H

#include <stdint.h>

typedef struct {
    int32_t batches, channels;
    int32_t in_h, in_w;
    int32_t out_h, out_w;
    const uint16_t *row;    /* [out_h], each below in_h */
    const uint16_t *column; /* [out_w], each below in_w */
} nonn_resize_nearest_neighbor_params;

/* `input` [batches][in_h][in_w][channels], `output` [batches][out_h][out_w][channels]. Pixels
 * are copied in order: `output` may overlap `input` from below where no pixel meets itself. */
void nonn_resize_nearest_neighbor(const nonn_resize_nearest_neighbor_params *params,
                                  const int8_t *input, int8_t *output);

#endif
