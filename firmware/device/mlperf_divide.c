#include "mlperf.h"

uint32_t nonn_divide(uint64_t *value, uint32_t divisor) {
    uint64_t rest = 0;
    for (int i = 0; i < 64; i++) {
        rest = rest << 1 | *value >> 63;
        *value <<= 1;
        if (rest >= divisor) {
            rest -= divisor;
            *value |= 1;
        }
    }
    return (uint32_t)rest;
}
