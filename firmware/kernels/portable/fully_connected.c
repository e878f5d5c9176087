#include "nonn/kernels/fully_connected.h"

#include "nonn/kernels/dot.h"
#include "nonn/kernels/put.h"

/* Units whose sums wait to be put, a multiple of four. */
#define TOGETHER 16

void nonn_fully_connected(const nonn_fully_connected_params *params, const int8_t *input,
                          int8_t *output) {
    /* One scale for all units makes them positions of one channel; the bias is in the sums. */
    nonn_scaling scaling = {0,
                            params->multiplier,
                            params->shift,
                            params->output_offset,
                            params->activation_min,
                            params->activation_max,
                            1,
                            0,
                            1};
    const int32_t depth = (int32_t)params->depth, units = (int32_t)params->units;
    for (uint32_t row = 0; row < params->rows; ++row, input += depth) {
        const int8_t *weights = params->weights;
        const int32_t *bias = params->bias;
        int32_t count;
        for (int32_t u = 0; u < units; u += count, output += count) {
            int32_t sums[TOGETHER];
            int32_t k = 0;
            count = units - u < TOGETHER ? units - u : TOGETHER;
            for (; k + 4 <= count; k += 4, weights += 4 * depth, bias += 4) {
                nonn_dot_4(input, weights, depth, bias, sums + k);
            }
            for (; k < count; ++k, weights += depth) {
                sums[k] = *bias++ + nonn_dot(input, weights, depth);
            }
            if (params->per_unit) {
                nonn_put_channels(&scaling, u, count, sums, output);
            } else {
                scaling.columns = count;
                nonn_put(&scaling, 0, 1, sums, output);
            }
        }
    }
}
