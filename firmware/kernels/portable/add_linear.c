#include "nonn/kernels/add_linear.h"

#include "nonn/fixed_point.h"

void nonn_add_linear(const nonn_add_linear_params *params, const int8_t *first,
                     const int8_t *second, int8_t *output) {
    /* Stores through `output` may alias `params` as far as the compiler knows: read it once. */
    const int32_t a = params->first_factor, b = params->second_factor;
    const int32_t offset = params->offset, shift = params->shift;
    const int32_t low = params->activation_min, high = params->activation_max;
    const int8_t *const end = first + params->count;
    while (end - first >= 4) {
        /* All loads of the group before its stores, which may alias them. */
        const int32_t sum0 = first[0] * a + second[0] * b + offset;
        const int32_t sum1 = first[1] * a + second[1] * b + offset;
        const int32_t sum2 = first[2] * a + second[2] * b + offset;
        const int32_t sum3 = first[3] * a + second[3] * b + offset;
        output[0] = nonn_clamp_s8(sum0 >> shift, low, high);
        output[1] = nonn_clamp_s8(sum1 >> shift, low, high);
        output[2] = nonn_clamp_s8(sum2 >> shift, low, high);
        output[3] = nonn_clamp_s8(sum3 >> shift, low, high);
        first += 4;
        second += 4;
        output += 4;
    }
    for (; first != end; ++first, ++second) {
        const int32_t sum = *first * a + *second * b + offset;
        *output++ = nonn_clamp_s8(sum >> shift, low, high);
    }
}
