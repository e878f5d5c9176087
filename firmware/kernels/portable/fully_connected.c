#include "nonn/kernels/fully_connected.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/dot.h"

void nonn_fully_connected(const nonn_fully_connected_params *params, const int8_t *input,
                          int8_t *output) {
    const int32_t depth = (int32_t)params->depth;
    for (uint32_t row = 0; row < params->rows; ++row) {
        const int8_t *weights = params->weights;
        for (uint32_t u = 0; u < params->units;) {
            const uint32_t units = params->units - u >= 4 ? 4 : 1;
            int32_t sums[4];
            for (uint32_t k = 0; k < units; ++k) {
                sums[k] = params->bias != 0 ? params->bias[u + k] : 0;
            }
            if (units == 4) {
                nonn_dot_4(input, weights, depth, depth, params->input_offset, sums);
            } else {
                sums[0] += nonn_dot(input, weights, depth, params->input_offset);
            }
            weights += (int32_t)units * depth;
            for (uint32_t k = 0; k < units; ++k, ++u) {
                const uint32_t channel = params->per_unit ? u : 0;
                const int32_t scaled =
                    nonn_requantize(sums[k], params->multiplier[channel], params->shift[channel]);
                *output++ = nonn_clamp_s8(nonn_wrapping_add(scaled, params->output_offset),
                                          params->activation_min, params->activation_max);
            }
        }
        input += depth;
    }
}
