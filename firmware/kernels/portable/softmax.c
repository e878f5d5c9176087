#include "nonn/kernels/softmax.h"

#include "nonn/fixed_point.h"

#define SUM_INTEGER_BITS 12
#define OUTPUT_BITS 8

static int32_t saturating_double(int32_t x) {
    return x > INT32_MAX / 2 ? INT32_MAX : 2 * x;
}

/* 1 / sum, sum > 0 in Q12.19, as a number in (0.5, 1] in Q0.31 times 2^-exponent, by three
 * Newton-Raphson steps on sum normalised to [1, 2). */
static int32_t reciprocal(uint32_t sum, int *exponent) {
    *exponent = SUM_INTEGER_BITS;
    while ((sum >> 31) == 0) {
        sum <<= 1;
        *exponent -= 1;
    }
    const uint32_t one = UINT32_C(1) << 31;
    const int32_t half_denominator = (int32_t)((sum - one) / 2 + one / 2);
    /* Q2.29; 48/17 - 32/17 d */
    int32_t x = 1515870810 + nonn_doubling_high_mul(half_denominator, -1010580540);
    for (int step = 0; step < 3; ++step) {
        const int32_t error = (1 << 29) - nonn_doubling_high_mul(half_denominator, x);
        /* |x * error| < 0.25 in Q4.27, so it fits Q2.29 */
        x += nonn_doubling_high_mul(x, error) * 4;
    }
    return saturating_double(x);
}

static void softmax_row(const nonn_softmax_params *params, const int8_t *input, int8_t *output) {
    int32_t maximum = INT8_MIN;
    for (int32_t i = 0; i < params->depth; ++i) {
        maximum = input[i] > maximum ? input[i] : maximum;
    }
    int32_t sum = 0;
    for (int32_t i = 0; i < params->depth; ++i) {
        const int32_t difference = maximum - input[i];
        if (difference < params->exp_count) {
            sum += nonn_rounding_shift_right(params->exp[difference], SUM_INTEGER_BITS);
        }
    }
    int exponent;
    const int32_t scale = reciprocal((uint32_t)sum, &exponent);
    const int shift = exponent + 31 - OUTPUT_BITS;
    for (int32_t i = 0; i < params->depth; ++i) {
        const int32_t difference = maximum - input[i];
        int32_t y = 0;
        /* A sum of 512 and more asks for a larger shift: every output is then below half a step.
         * (The reference kernel stops the program there.) */
        if (difference < params->exp_count && shift <= 31) {
            y = nonn_rounding_shift_right(nonn_doubling_high_mul(scale, params->exp[difference]),
                                          shift);
        }
        output[i] = nonn_clamp_s8(y + INT8_MIN, INT8_MIN, INT8_MAX);
    }
}

void nonn_softmax(const nonn_softmax_params *params, const int8_t *input, int8_t *output) {
    for (int32_t row = 0; row < params->rows; ++row) {
        softmax_row(params, input, output);
        input += params->depth;
        output += params->depth;
    }
}
