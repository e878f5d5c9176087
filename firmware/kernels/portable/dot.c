#include "nonn/kernels/dot.h"

/* A function of its own and four at a time: inlined into the kernels, with all they keep in
 * registers, the compiler spills inside the loop and needs up to three times the instructions. */
int32_t nonn_dot(const int8_t *in, const int8_t *weights, int32_t count, int32_t offset) {
    int32_t sum = 0;
    for (; count >= 4; count -= 4) {
        sum += weights[0] * (in[0] + offset);
        sum += weights[1] * (in[1] + offset);
        sum += weights[2] * (in[2] + offset);
        sum += weights[3] * (in[3] + offset);
        weights += 4;
        in += 4;
    }
    for (; count > 0; --count) {
        sum += *weights++ * (*in++ + offset);
    }
    return sum;
}
