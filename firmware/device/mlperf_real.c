#include "mlperf_real.h"

#include <string.h>

#include "mlperf.h"

enum { MANTISSA_BITS = 24 };

/* m / 2^bits and a little more if `more`, to the nearest integer, ties to even. Bit by bit, since a
 * 64-bit shift by a variable is a library call on small cores. */
static uint64_t shift(uint64_t m, int32_t bits, bool more) {
    bool half = false;
    for (; bits > 0; bits--) {
        more |= half;
        half = (m & 1) != 0;
        m >>= 1;
    }
    return m + (half && (more || (m & 1) != 0));
}

nonn_real nonn_real_round(uint64_t m, int32_t e, bool more) {
    int32_t bits = 0;
    for (uint64_t rest = m >> MANTISSA_BITS; rest != 0; rest >>= 1) {
        bits++;
    }
    const nonn_real result = {(uint32_t)shift(m, bits, more), e + bits};
    return result;
}

/* Exponent and fraction of a float32's bits, its sign left out. */
static nonn_real unpack(uint32_t bits) {
    const uint32_t exponent = bits >> 23 & 0xFF;
    const uint32_t fraction = bits & 0x7FFFFF;
    const nonn_real subnormal = {fraction, -149};
    const nonn_real normal = {fraction | 0x800000, (int32_t)exponent - 150};
    return exponent == 0 ? subnormal : normal;
}

nonn_real nonn_real_of(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return unpack(bits);
}

nonn_real nonn_real_dequantize(int32_t distance, float scale) {
    const nonn_real s = nonn_real_of(scale);
    const uint32_t size = distance < 0 ? 0u - (uint32_t)distance : (uint32_t)distance;
    return nonn_real_round((uint64_t)s.m * size, s.e, false);
}

/* Steps of the scale, away from zero at ties; anything beyond int8 is only large. */
static int32_t steps(nonn_real value, nonn_real scale) {
    enum { LARGE = 1 << MANTISSA_BITS, ROOM = 39 };
    uint64_t quotient = (uint64_t)value.m << ROOM;
    const bool more = nonn_divide(&quotient, scale.m) != 0;
    const nonn_real x = nonn_real_round(quotient, value.e - scale.e - ROOM, more);
    if (x.e >= 0) {
        return x.m == 0 ? 0 : LARGE;
    }
    if (x.e < -MANTISSA_BITS - 1) {
        return 0;
    }
    return (int32_t)((x.m >> (-x.e - 1)) + 1) >> 1;
}

int8_t nonn_real_quantize(uint32_t bits, const nonn_tensor *tensor) {
    const bool nan = (bits & 0x7FFFFFFF) > 0x7F800000;
    const int32_t size = nan ? 0 : steps(unpack(bits), nonn_real_of(tensor->scale));
    const int32_t q = tensor->zero_point + (bits >> 31 != 0 ? -size : size);
    return (int8_t)(q < INT8_MIN ? INT8_MIN : q > INT8_MAX ? INT8_MAX : q);
}

/* Both scales become integers of at most 22 bits over one power of two, so that a difference fits
 * 31 bits and a sign, and only the scales are rounded, by an eighth of a millionth of the larger
 * one. Of its square the low bits count for nothing and would overflow the sum. */
nonn_real nonn_real_mean_square(const nonn_tensor *a, const int8_t *a_data, const nonn_tensor *b,
                                const int8_t *b_data) {
    enum { FEWER_BITS = MANTISSA_BITS - 22, LOW_BITS = 20 };
    const nonn_real a_real = nonn_real_of(a->scale), b_real = nonn_real_of(b->scale);
    const int32_t e = (a_real.e > b_real.e ? a_real.e : b_real.e) + FEWER_BITS;
    const int32_t a_scale = (int32_t)shift(a_real.m, e - a_real.e, false);
    const int32_t b_scale = (int32_t)shift(b_real.m, e - b_real.e, false);
    uint64_t sum = 0;
    for (uint32_t i = 0; i < a->bytes; i++) {
        const int64_t difference =
            a_scale * (a_data[i] - a->zero_point) - b_scale * (b_data[i] - b->zero_point);
        sum += (uint64_t)(difference * difference) >> LOW_BITS;
    }
    const bool more = nonn_divide(&sum, a->bytes) != 0;
    return nonn_real_round(sum, 2 * e + LOW_BITS, more);
}

void nonn_say_real(nonn_device *device, bool negative, nonn_real value) {
    uint64_t thousandths = shift((uint64_t)value.m * 1000, -value.e, false);
    for (; value.e > 0 && thousandths >> 62 == 0; value.e--) {
        thousandths <<= 1;
    }
    const uint32_t rest = nonn_divide(&thousandths, 1000);
    if (negative) {
        nonn_say_char(device, '-');
    }
    nonn_say_count(device, thousandths);
    nonn_say_char(device, '.');
    for (uint32_t unit = 100; unit > 0; unit /= 10) {
        nonn_say_char(device, (char)('0' + rest / unit % 10));
    }
}
