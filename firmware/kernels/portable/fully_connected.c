#include "nonn/kernels/fully_connected.h"

#include "nonn/fixed_point.h"
#include "nonn/kernels/dot.h"

void nonn_fully_connected(const nonn_fully_connected_params *p, const int8_t *in, int8_t *out) {
    for (uint32_t row = 0; row < p->rows; ++row) {
        const int8_t *weights = p->weights;
        for (uint32_t u = 0; u < p->units; ++u) {
            int32_t sum = p->bias != 0 ? p->bias[u] : 0;
            sum += nonn_dot(in, weights, (int32_t)p->depth, p->input_offset);
            const uint32_t channel = p->per_unit ? u : 0;
            sum = nonn_requantize(sum, p->multiplier[channel], p->shift[channel]);
            sum = nonn_wrapping_add(sum, p->output_offset);
            *out++ = nonn_clamp_s8(sum, p->activation_min, p->activation_max);
            weights += p->depth;
        }
        in += p->depth;
    }
}
