#include "nonn/kernels/strided_copy.h"

#include <string.h>

static void copy_run(int8_t *output, const int8_t *first, int32_t count, int32_t stride) {
    if (stride == 1) {
        memcpy(output, first, (size_t)count);
        return;
    }
    for (int32_t i = 0; i < count; ++i) {
        output[i] = first[i * stride];
    }
}

void nonn_strided_copy(const nonn_strided_copy_params *params, const int8_t *input,
                       int8_t *output) {
    const int32_t *count = params->count;
    const int32_t *stride = params->stride;
    for (int32_t i = 0; i < count[0]; ++i) {
        for (int32_t j = 0; j < count[1]; ++j) {
            for (int32_t k = 0; k < count[2]; ++k) {
                const int32_t outer =
                    params->offset + i * stride[0] + j * stride[1] + k * stride[2];
                for (int32_t l = 0; l < count[3]; ++l) {
                    copy_run(output, input + outer + l * stride[3], count[4], stride[4]);
                    output += count[4];
                }
            }
        }
    }
}
