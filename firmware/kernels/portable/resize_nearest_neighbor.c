#include "nonn/kernels/resize_nearest_neighbor.h"

#include <string.h>

void nonn_resize_nearest_neighbor(const nonn_resize_nearest_neighbor_params *params,
                                  const int8_t *input, int8_t *output) {
    const int32_t channels = params->channels;
    const int32_t in_row_bytes = params->in_w * channels;
    const int32_t out_row_bytes = params->out_w * channels;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t y = 0; y < params->out_h; ++y) {
            if (y > 0 && params->row[y] == params->row[y - 1]) {
                memcpy(output, output - out_row_bytes, (size_t)out_row_bytes);
                output += out_row_bytes;
                continue;
            }
            const int8_t *row = input + params->row[y] * in_row_bytes;
            for (int32_t x = 0; x < params->out_w; ++x) {
                memcpy(output, row + params->column[x] * channels, (size_t)channels);
                output += channels;
            }
        }
        input += params->in_h * in_row_bytes;
    }
}
