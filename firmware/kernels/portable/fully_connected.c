#include "nonn/kernels/fully_connected.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/dot.h"

void nonn_fully_connected(const nonn_fully_connected_params *params, const int8_t *input,
                          int8_t *output) {
    for (uint32_t row = 0; row < params->rows; ++row) {
        const int8_t *weights = params->weights;
        for (uint32_t u = 0; u < params->units; ++u) {
            int32_t sum = params->bias != 0 ? params->bias[u] : 0;
            sum += nonn_dot(input, weights, (int32_t)params->depth, params->input_offset);
            const uint32_t channel = params->per_unit ? u : 0;
            sum = nonn_requantize(sum, params->multiplier[channel], params->shift[channel]);
            sum = nonn_wrapping_add(sum, params->output_offset);
            *output++ = nonn_clamp_s8(sum, params->activation_min, params->activation_max);
            weights += params->depth;
        }
        input += params->depth;
    }
}
