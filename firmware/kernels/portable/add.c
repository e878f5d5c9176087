#include "nonn/kernels/add.h"

#include "nonn/fixed_point.h"

/* nonn_doubling_high_mul without its saturation, which takes two negative numbers. */
static inline int32_t scaled(int32_t x, nonn_add_factor factor) {
    const int64_t product = (int64_t)x * factor.multiplier;
    return nonn_rounding_shift_right((int32_t)((product + (INT64_C(1) << 30)) >> 31),
                                     factor.right_shift);
}

/* |q - zero point| < 2^8: below 2^28 after the left shift, 2^27 after the factor, 2^28 as a sum. */
static void add_row(const nonn_add_params *params, const int8_t *wide, const int8_t *narrow,
                    int8_t *output) {
    /* Stores through `output` may alias `params` as far as the compiler knows: read it once. */
    const int32_t row = params->walk.row;
    const int32_t wide_step = params->walk.step[0], narrow_step = params->walk.step[1];
    const int32_t wide_factor = params->wide_factor, narrow_sign = params->narrow_sign;
    const int32_t wide_bias = -params->wide_zero_point * wide_factor;
    const int32_t narrow_zero_point = params->narrow_zero_point;
    const nonn_add_factor narrow_factor = params->narrow_factor;
    const nonn_add_factor output_factor = params->output_factor;
    const int32_t output_zero_point = params->output_zero_point;
    const int32_t low = params->activation_min, high = params->activation_max;
    for (int32_t i = 0; i < row; ++i) {
        const int32_t x = (*narrow - narrow_zero_point) * (1 << NONN_ADD_LEFT_SHIFT);
        const int32_t sum =
            *wide * wide_factor + wide_bias + narrow_sign * scaled(x, narrow_factor);
        output[i] = nonn_clamp_s8(scaled(sum, output_factor) + output_zero_point, low, high);
        wide += wide_step;
        narrow += narrow_step;
    }
}

void nonn_add(const nonn_add_params *params, const int8_t *wide, const int8_t *narrow,
              int8_t *output) {
    int32_t index[NONN_BROADCAST_COUNTERS] = {0};
    do {
        add_row(params, wide, narrow, output);
        output += params->walk.row;
    } while (nonn_broadcast_next(&params->walk, index, &wide, &narrow));
}
