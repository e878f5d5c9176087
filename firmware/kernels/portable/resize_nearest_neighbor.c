#include "nonn/kernels/resize_nearest_neighbor.h"

#include <string.h>

void nonn_resize_nearest_neighbor(const nonn_resize_nearest_neighbor_params *params,
                                  const int8_t *input, int8_t *output) {
    const int32_t channels = params->channels;
    const int32_t input_row_bytes = params->input_width * channels;
    const int32_t output_row_bytes = params->output_width * channels;
    for (int32_t batch = 0; batch < params->batches; ++batch) {
        for (int32_t y = 0; y < params->output_height; ++y) {
            if (y > 0 && params->row[y] == params->row[y - 1]) {
                memcpy(output, output - output_row_bytes, (size_t)output_row_bytes);
                output += output_row_bytes;
                continue;
            }
            const int8_t *row = input + params->row[y] * input_row_bytes;
            for (int32_t x = 0; x < params->output_width; ++x) {
                memcpy(output, row + params->column[x] * channels, (size_t)channels);
                output += channels;
            }
        }
        input += params->input_height * input_row_bytes;
    }
}
