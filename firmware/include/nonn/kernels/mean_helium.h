/* nonn_mean over all pixels of an image, on Helium: eight channels at a time. */
#ifndef NONN_KERNELS_MEAN_HELIUM_H
#define NONN_KERNELS_MEAN_HELIUM_H

#include <stdint.h>

typedef struct {
    int32_t pixels, channels;
    int32_t sum_offset;        /* -(input zero point) * pixels */
    int32_t multiplier, shift; /* as those of nonn_mean */
    int32_t output_zero_point;
} nonn_mean_helium_params;

/* `input` [pixels][channels], `output` [channels]; `output` may be `input` or start below it. */
void nonn_mean_helium(const nonn_mean_helium_params *params, const int8_t *input, int8_t *output);

#endif
