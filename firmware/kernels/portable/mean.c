#include "nonn/kernels/mean.h"

#include "nonn/fixed_point.h"

static int32_t sum_from(const nonn_mean_params *params, const int8_t *first) {
    const int32_t *count = params->summed_count;
    const int32_t *stride = params->summed_stride;
    int32_t sum = 0;
    for (int32_t i = 0; i < count[0]; ++i) {
        for (int32_t j = 0; j < count[1]; ++j) {
            const int8_t *element = first + i * stride[0] + j * stride[1];
            for (int32_t k = 0; k < count[2]; ++k) {
                sum += element[k * stride[2]];
            }
        }
    }
    return sum;
}

void nonn_mean(const nonn_mean_params *params, const int8_t *input, int8_t *output) {
    const int32_t *count = params->kept_count;
    const int32_t *stride = params->kept_stride;
    for (int32_t i = 0; i < count[0]; ++i) {
        for (int32_t j = 0; j < count[1]; ++j) {
            const int8_t *first = input + i * stride[0] + j * stride[1];
            for (int32_t k = 0; k < count[2]; ++k) {
                const int32_t sum = sum_from(params, first + k * stride[2]) + params->sum_offset;
                const int32_t mean = nonn_requantize(sum, params->multiplier, params->shift);
                *output++ = nonn_clamp_s8(nonn_wrapping_add(mean, params->output_zero_point),
                                          INT8_MIN, INT8_MAX);
            }
        }
    }
}
