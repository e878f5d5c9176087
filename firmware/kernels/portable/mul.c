#include "nonn/kernels/mul.h"

#include "nonn/fixed_point.h"

static void mul_row(const nonn_mul_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output) {
    /* Stores through `output` may alias `params` as far as the compiler knows: read it once. */
    const int32_t row = params->walk.row;
    const int32_t step1 = params->walk.step[0], step2 = params->walk.step[1];
    const int32_t zero_point1 = params->input_zero_point[0];
    const int32_t zero_point2 = params->input_zero_point[1];
    const int32_t multiplier = params->multiplier, shift = params->shift;
    const int32_t output_zero_point = params->output_zero_point;
    const int32_t low = params->activation_min, high = params->activation_max;
    for (int32_t i = 0; i < row; ++i) {
        const int32_t product = (*input1 - zero_point1) * (*input2 - zero_point2);
        const int32_t y = nonn_requantize(product, multiplier, shift) + output_zero_point;
        output[i] = nonn_clamp_s8(y, low, high);
        input1 += step1;
        input2 += step2;
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
