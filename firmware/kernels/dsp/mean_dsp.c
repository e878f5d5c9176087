#include "nonn/kernels/mean_dsp.h"

#include "nonn/fixed_point.h"
#include "nonn/target.h"
#include "quad.h"

#if NONN_TARGET_DSP

static inline int8_t mean_of(const nonn_mean_dsp_params *params, int32_t sum) {
    const int32_t mean =
        nonn_requantize(sum + params->sum_offset, params->multiplier, params->shift);
    return nonn_clamp_s8(nonn_wrapping_add(mean, params->output_zero_point), INT8_MIN, INT8_MAX);
}

void nonn_mean_dsp(const nonn_mean_dsp_params *params, const int8_t *input, int8_t *output) {
    const nonn_mean_dsp_params p = *params; /* which stores through `output` may alias */
    for (int32_t channel = 0; channel < p.channels; channel += 4) {
        const nonn_quad_sums sums =
            nonn_quad_add_run((nonn_quad_sums){0, 0}, input + channel, p.channels, p.pixels);
        output[0] = mean_of(&p, nonn_quad_sum(sums, 0));
        output[1] = mean_of(&p, nonn_quad_sum(sums, 1));
        output[2] = mean_of(&p, nonn_quad_sum(sums, 2));
        output[3] = mean_of(&p, nonn_quad_sum(sums, 3));
        output += 4;
    }
}

#endif
