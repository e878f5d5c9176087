#include "nonn/kernels/add.h"

#include "nonn/fixed_point.h"

static inline int32_t scaled(int32_t x, nonn_add_factor factor) {
    return nonn_rounding_shift_right(nonn_doubling_high_mul(x, factor.multiplier),
                                     factor.right_shift);
}

static void add_row(const nonn_add_params *params, const int8_t *input1, const int8_t *input2,
                    int8_t *output) {
    const nonn_add_params p = *params;
    for (int32_t i = 0; i < p.walk.row; ++i) {
        /* |q - zero point| < 2^8, so 2^28 after the shift, 2^27 after the factor, 2^28 as a sum. */
        const int32_t x1 = (*input1 - p.input_zero_point[0]) * (1 << NONN_ADD_LEFT_SHIFT);
        const int32_t x2 = (*input2 - p.input_zero_point[1]) * (1 << NONN_ADD_LEFT_SHIFT);
        const int32_t sum = scaled(x1, p.input_factor[0]) + p.sign * scaled(x2, p.input_factor[1]);
        const int32_t y = scaled(sum, p.output_factor) + p.output_zero_point;
        output[i] = nonn_clamp_s8(y, p.low, p.high);
        input1 += p.walk.step[0];
        input2 += p.walk.step[1];
    }
}

void nonn_add(const nonn_add_params *params, const int8_t *input1, const int8_t *input2,
              int8_t *output) {
    int32_t index[NONN_BROADCAST_COUNTERS] = {0};
    do {
        add_row(params, input1, input2, output);
        output += params->walk.row;
    } while (nonn_broadcast_next(&params->walk, index, &input1, &input2));
}
