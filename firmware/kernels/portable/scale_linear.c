#include "nonn/kernels/scale_linear.h"

typedef struct {
    int32_t factor, start;
    int32_t low, high;
} line;

/* nonn_clamp_s8 after the line, in a form that compilers leave free of branches. */
static inline int8_t at(line l, int32_t x) {
    int32_t y = (l.factor * x + l.start) >> NONN_SCALE_LINEAR_SHIFT;
    y = y < l.low ? l.low : y;
    y = y > l.high ? l.high : y;
    return (int8_t)y;
}

/* One channel of `pixels` pixels, `step` bytes apart. */
static void scale(line l, const int8_t *input, int8_t *output, int32_t step, int32_t pixels) {
    for (; pixels >= 4; pixels -= 4) {
        /* All loads of the group before its stores, which may alias them. */
        const int32_t x0 = input[0], x1 = input[step];
        input += 2 * step;
        const int32_t x2 = input[0], x3 = input[step];
        input += 2 * step;
        output[0] = at(l, x0);
        output[step] = at(l, x1);
        output += 2 * step;
        output[0] = at(l, x2);
        output[step] = at(l, x3);
        output += 2 * step;
    }
    for (; pixels > 0; --pixels) {
        *output = at(l, *input);
        input += step;
        output += step;
    }
}

void nonn_scale_linear(const nonn_scale_linear_params *params, const int8_t *input,
                       int8_t *output) {
    const int32_t pixels = params->pixels, channels = params->channels;
    const int32_t count = pixels * channels;
    const uintptr_t distance = (uintptr_t)input - (uintptr_t)output;
    /* A channel must not write over another one's inputs. */
    const int crossing = distance < (uintptr_t)count && distance % (uintptr_t)channels != 0;
    const int32_t together = crossing ? 1 : pixels;
    line l;
    l.low = params->activation_min;
    l.high = params->activation_max;
    for (int32_t i = 0; i < count; i += together * channels) {
        const int32_t *weights = params->weights;
        for (int32_t c = i; c < i + channels; ++c, weights += 2) {
            l.factor = weights[0];
            l.start = weights[1];
            scale(l, input + c, output + c, channels, together);
        }
    }
}
