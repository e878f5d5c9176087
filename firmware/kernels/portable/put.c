#include "nonn/kernels/put.h"

#include "nonn/fixed_point.h"

void nonn_put(const nonn_scaling *scaling, int32_t channel, int32_t channels, const int32_t *sums,
              int8_t *output) {
    const int32_t columns = scaling->columns, output_step = scaling->output_step;
    const int32_t offset = scaling->offset, low = scaling->low, high = scaling->high;
    for (const int32_t end = channel + channels; channel < end; ++channel) {
        const int32_t bias = scaling->bias != 0 ? scaling->bias[channel] : 0;
        const int32_t multiplier = scaling->multiplier[channel];
        const int shift = scaling->shift[channel];
        int8_t *to = output++;
        if (shift < 0) {
            for (int32_t c = 0; c < columns; ++c, to += output_step) {
                const int32_t scaled =
                    nonn_round_scaled(nonn_scale(sums[c] + bias, multiplier), -shift);
                *to = nonn_clamp_s8(scaled + offset, low, high);
            }
        } else {
            for (int32_t c = 0; c < columns; ++c, to += output_step) {
                const int32_t scaled = nonn_requantize(sums[c] + bias, multiplier, shift);
                *to = nonn_clamp_s8(nonn_wrapping_add(scaled, offset), low, high);
            }
        }
        sums += scaling->sums_step;
    }
}

void nonn_put_channels(const nonn_scaling *scaling, int32_t channel, int32_t channels,
                       const int32_t *sums, int8_t *output) {
    const int32_t *bias = scaling->bias != 0 ? scaling->bias + channel : 0;
    const int32_t *multiplier = scaling->multiplier + channel;
    const int8_t *shift = scaling->shift + channel;
    const int32_t offset = scaling->offset, low = scaling->low, high = scaling->high;
    for (const int32_t *end = sums + channels; sums != end;) {
        const int32_t sum = *sums++ + (bias != 0 ? *bias++ : 0);
        const int32_t scaled = nonn_requantize(sum, *multiplier++, *shift++);
        *output++ = nonn_clamp_s8(nonn_wrapping_add(scaled, offset), low, high);
    }
}
