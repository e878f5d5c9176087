#include "nonn/kernels/concatenation.h"

#include <string.h>

void nonn_concatenation(const nonn_concatenation_params *params, const int8_t *input,
                        int8_t *output) {
    const size_t run = (size_t)params->input_bytes;
    output += params->offset;
    for (int32_t i = 0; i < params->count; ++i) {
        memcpy(output + i * params->output_bytes, input, run);
        input += run;
    }
}
