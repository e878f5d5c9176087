#include "nonn/kernels/dot.h"

/* Functions of their own, with few enough values to stay in the registers of a Cortex-M: inlined
 * into the kernels, with all they keep, the compiler spills inside the loop and takes three times
 * the instructions. */

int32_t nonn_dot(const int8_t *input, const int8_t *weights, int32_t count, int32_t offset) {
    int32_t sum = 0;
    for (; count >= 4; count -= 4) {
        sum += weights[0] * (input[0] + offset);
        sum += weights[1] * (input[1] + offset);
        sum += weights[2] * (input[2] + offset);
        sum += weights[3] * (input[3] + offset);
        weights += 4;
        input += 4;
    }
    for (; count > 0; --count) {
        sum += *weights++ * (*input++ + offset);
    }
    return sum;
}

/* Four at a time load an input once for four products. */
void nonn_dot_4(const int8_t *input, const int8_t *weights, int32_t stride, int32_t count,
                int32_t offset, int32_t *sums) {
    const int8_t *w0 = weights;
    const int8_t *w1 = w0 + stride;
    const int8_t *w2 = w1 + stride;
    const int8_t *w3 = w2 + stride;
    int32_t sum0 = sums[0], sum1 = sums[1], sum2 = sums[2], sum3 = sums[3];
    for (const int8_t *end = input + count; input != end;) {
        const int32_t x = *input++ + offset;
        sum0 += *w0++ * x;
        sum1 += *w1++ * x;
        sum2 += *w2++ * x;
        sum3 += *w3++ * x;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}
