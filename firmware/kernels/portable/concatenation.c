#include "nonn/kernels/concatenation.h"

#include <string.h>

void nonn_concatenation(const nonn_concatenation_params *params, const int8_t *input,
                        int8_t *output) {
    const size_t run_bytes = (size_t)params->run_bytes;
    int8_t *first = output + params->offset;
    for (int32_t run = 0; run < params->count; ++run) {
        memcpy(first + run * params->output_step, input, run_bytes);
        input += run_bytes;
    }
}
