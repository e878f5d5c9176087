#include "nonn/kernels/add_dsp.h"

#include "nonn/target.h"

#if NONN_TARGET_DSP

typedef struct {
    int32_t a, b, offset;
} form;

#define TEXT(x) #x
#define NUMBER(x) TEXT(x)
#define SATURATE(reg) "ssat " reg ", #8, " reg ", asr #" NUMBER(NONN_ADD_DSP_SHIFT) "\n\t"

/* Four elements in 22 instructions. The bytes of a word are masked to halves, each times 256, so
 * that SMLAWB and SMLAWT multiply them by factors of 32 bits and keep all but 8 bits of the
 * product. In assembly, since the compiler copies `offset` before each of the four sums. */
static inline __attribute__((always_inline)) void four(form f, const int8_t **first,
                                                       const int8_t **second, int8_t **output) {
    int32_t x, y, even_x, even_y, bytes;
    __asm__ volatile(
        "ldr %[x], [%[first]], #4\n\t"
        "ldr %[y], [%[second]], #4\n\t"
        "and %[ex], %[mask], %[x], lsl #8\n\t"
        "and %[ey], %[mask], %[y], lsl #8\n\t"
        "smlawb %[bytes], %[a], %[ex], %[c]\n\t"
        "smlawb %[bytes], %[b], %[ey], %[bytes]\n\t"
        "smlawt %[ex], %[a], %[ex], %[c]\n\t"
        "smlawt %[ex], %[b], %[ey], %[ex]\n\t" /* */
        SATURATE("%[bytes]") SATURATE("%[ex]") /* */
        "and %[x], %[mask], %[x]\n\t"
        "and %[y], %[mask], %[y]\n\t"
        "bfi %[bytes], %[ex], #16, #8\n\t"
        "smlawb %[ex], %[a], %[x], %[c]\n\t"
        "smlawb %[ex], %[b], %[y], %[ex]\n\t"
        "smlawt %[x], %[a], %[x], %[c]\n\t"
        "smlawt %[x], %[b], %[y], %[x]\n\t" /* */
        SATURATE("%[ex]") SATURATE("%[x]")  /* */
        "bfi %[bytes], %[ex], #8, #8\n\t"
        "bfi %[bytes], %[x], #24, #8\n\t"
        "str %[bytes], [%[output]], #4"
        : [first] "+r"(*first), [second] "+r"(*second), [output] "+r"(*output), [x] "=&r"(x),
          [y] "=&r"(y), [ex] "=&r"(even_x), [ey] "=&r"(even_y), [bytes] "=&r"(bytes)
        : [a] "r"(f.a), [b] "r"(f.b), [c] "r"(f.offset), [mask] "r"(0xFF00FF00u)
        : "memory");
}

/* One element by the same arithmetic. */
static inline int8_t one(form f, int8_t first, int8_t second) {
    int32_t sum = f.offset;
    __asm__(
        "smlawb %0, %1, %3, %0\n\t"
        "smlawb %0, %2, %4, %0\n\t" SATURATE("%0")
        : "+&r"(sum)
        : "r"(f.a), "r"(f.b), "r"(first * 256), "r"(second * 256));
    return (int8_t)sum;
}

void nonn_add_dsp(const nonn_add_dsp_params *params, const int8_t *first, const int8_t *second,
                  int8_t *output) {
    const form f = {params->first_factor, params->second_factor, params->offset};
    int32_t left = params->count - 8;
    for (; left >= 0; left -= 8) {
        four(f, &first, &second, &output);
        four(f, &first, &second, &output);
    }
    for (left += 8; left > 0; --left) {
        *output++ = one(f, *first++, *second++);
    }
}

#endif
