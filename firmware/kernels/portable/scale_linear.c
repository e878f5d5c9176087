#include "nonn/kernels/scale_linear.h"

#include "nonn/fixed_point.h"

static inline int32_t at(const int32_t *line, int32_t x) {
    return (line[0] * x + line[1]) >> NONN_SCALE_LINEAR_SHIFT;
}

void nonn_scale_linear(const nonn_scale_linear_params *params, const int8_t *input,
                       int8_t *output) {
    /* Stores through `output` may alias `params` as far as the compiler knows: read it once. */
    const int32_t low = params->activation_min, high = params->activation_max;
    const int32_t channels = params->channels;
    const int32_t *const lines = params->weights;
    for (int32_t pixel = params->pixels; pixel > 0; --pixel) {
        const int32_t *line = lines;
        int32_t left = channels;
        for (; left >= 4; left -= 4) {
            /* All loads of the group before its stores, which may alias them. */
            const int32_t y0 = at(line, input[0]);
            const int32_t y1 = at(line + 2, input[1]);
            const int32_t y2 = at(line + 4, input[2]);
            const int32_t y3 = at(line + 6, input[3]);
            output[0] = nonn_clamp_s8(y0, low, high);
            output[1] = nonn_clamp_s8(y1, low, high);
            output[2] = nonn_clamp_s8(y2, low, high);
            output[3] = nonn_clamp_s8(y3, low, high);
            line += 8;
            input += 4;
            output += 4;
        }
        for (; left > 0; --left, line += 2) {
            *output++ = nonn_clamp_s8(at(line, *input++), low, high);
        }
    }
}
