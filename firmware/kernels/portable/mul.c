#include "nonn/kernels/mul.h"

#include "nonn/fixed_point.h"

static void mul_row(const nonn_mul_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output) {
    const nonn_mul_params p = *params;
    for (int32_t i = 0; i < p.walk.row; ++i) {
        const int32_t product =
            (*input1 - p.input_zero_point[0]) * (*input2 - p.input_zero_point[1]);
        const int32_t y = nonn_requantize(product, p.multiplier, p.shift) + p.output_zero_point;
        output[i] = nonn_clamp_s8(y, p.low, p.high);
        input1 += p.walk.step[0];
        input2 += p.walk.step[1];
    }
}

void nonn_mul(const nonn_mul_params *params, const int8_t *input1, const int8_t *input2,
              int8_t *output) {
    int32_t index[NONN_BROADCAST_COUNTERS] = {0};
    do {
        mul_row(params, input1, input2, output);
        output += params->walk.row;
    } while (nonn_broadcast_next(&params->walk, index, &input1, &input2));
}
