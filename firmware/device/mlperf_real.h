/* Arithmetic of float32 values on integers: exact, the same on every core, and small where floats
 * are a library. Infinities and overflow of float32's range are not modelled, except as inputs to
 * nonn_quantize. */
#ifndef NONN_DEVICE_MLPERF_REAL_H
#define NONN_DEVICE_MLPERF_REAL_H

#include <stdbool.h>
#include <stdint.h>

#include "nonn/device.h"

/* m * 2^e, m at most 2^24. */
typedef struct {
    uint32_t m;
    int32_t e;
} nonn_real;

/* m * 2^e, and a little more if `more`, rounded to 24 bits, ties to even. */
nonn_real nonn_real_round(uint64_t m, int32_t e, bool more);

/* A positive float32. */
nonn_real nonn_real_of(float value);

/* What float32 arithmetic makes of scale * (q - zero point), without its sign. */
nonn_real nonn_real_dequantize(int32_t distance, float scale);

/* A float32, by its bits, as the int8 of a tensor: divided by the scale in float32, rounded to the
 * nearest integer with ties away from zero, moved by the zero point, clamped. NaN is taken for 0.
 */
int8_t nonn_real_quantize(uint32_t bits, const nonn_tensor *tensor);

/* The mean squared difference of what two tensors of the same number of bytes stand for. */
nonn_real nonn_real_mean_square(const nonn_tensor *a, const int8_t *a_data, const nonn_tensor *b,
                                const int8_t *b_data);

/* As printf's %0.3f: the exact value rounded to three decimals, ties to even. What is beyond 10^15
 * may come out smaller than it is. */
void nonn_say_real(nonn_device *device, bool negative, nonn_real value);

#endif
