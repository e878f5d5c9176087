#include "nonn/kernels/pad.h"

#include <string.h>

void nonn_pad(const nonn_pad_params *params, const int8_t *input, int8_t *output) {
    const int32_t *count = params->count;
    const int32_t *stride = params->stride;
    const size_t row_bytes = (size_t)params->row_bytes;
    memset(output, params->value, (size_t)params->output_bytes);
    for (int32_t i = 0; i < count[0]; ++i) {
        for (int32_t j = 0; j < count[1]; ++j) {
            for (int32_t k = 0; k < count[2]; ++k) {
                int8_t *row =
                    output + params->offset + i * stride[0] + j * stride[1] + k * stride[2];
                for (int32_t l = 0; l < count[3]; ++l) {
                    memcpy(row + l * stride[3], input, row_bytes);
                    input += row_bytes;
                }
            }
        }
    }
}
