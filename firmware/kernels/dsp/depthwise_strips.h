/* The inner loops of nonn_depthwise_dsp(): from pixels to columns, to sums, to outputs.
 *
 * A column holds two words for each of four channels: the upper two rows and the lower two rows, as
 * int16. The columns of several strips make one long row, and the sums of a column take its place.
 */
#ifndef NONN_KERNELS_DSP_DEPTHWISE_STRIPS_H
#define NONN_KERNELS_DSP_DEPTHWISE_STRIPS_H

#include <stdint.h>

#include "nonn/target.h"

#if NONN_TARGET_DSP

enum {
    GROUP = 4,  /* channels */
    COLUMN = 8, /* words: for each channel the upper two rows, then the lower two */
    COLUMN_BYTES = 4 * COLUMN
};

/* In the place of a column's upper words: no two int8. It ends the long row, after an even number
 * of columns. */
#define LAST 0x80008000u

/* Four channels of a row of pixels. */
typedef struct {
    const int8_t *at;
    int32_t step; /* bytes to the next pixel, 0 beside the image */
} nonn_depthwise_row;

/* `also` has its channels and columns at the distances `channel` and `column`, in bytes. */
#define NONN_DEPTHWISE_GATHER(a, b, pixels, words, other, channel, column)              \
    __asm__ volatile(                                                                   \
        "1: "                                                                           \
        "ldr %[x], [%[above]];"                                                         \
        "ldr %[y], [%[below]];"                                                         \
        "add %[above], %[above_step];"                                                  \
        "add %[below], %[below_step];"                                                  \
        "pkhbt %[low], %[x], %[y], lsl #16;"                                            \
        "pkhtb %[y], %[y], %[x], asr #16;"                                              \
        "sxtb16 %[x], %[low], ror #8;"                                                  \
        "sxtb16 %[low], %[low];"                                                        \
        "str %[x], [%[to], #8];"                                                        \
        "str %[x], [%[also], #" #channel                                                \
        "];"                                                                            \
        "sxtb16 %[x], %[y];"                                                            \
        "sxtb16 %[y], %[y], ror #8;"                                                    \
        "str %[x], [%[to], #16];"                                                       \
        "str %[x], [%[also], #2 * " #channel                                            \
        "];"                                                                            \
        "str %[y], [%[to], #24];"                                                       \
        "str %[y], [%[also], #3 * " #channel                                            \
        "];"                                                                            \
        "str %[low], [%[to]], #32;"                                                     \
        "str %[low], [%[also]], #" #column                                              \
        ";"                                                                             \
        "subs %[left], #1;"                                                             \
        "bne 1b"                                                                        \
        : [above] "+r"(a.at), [below] "+r"(b.at), [to] "+r"(words), [also] "+r"(other), \
          [left] "+r"(pixels), [x] "=&r"(x), [y] "=&r"(y), [low] "=&r"(low)             \
        : [above_step] "r"(a.step), [below_step] "r"(b.step)                            \
        : "cc", "memory")

/* Two rows as words, one or more columns. They are the lower words of one strip and the upper ones
 * of the next: both get them. To be carried to strips that are laid out later, the next one's are
 * put without gaps, GROUP words a column. */
static inline void nonn_depthwise_gather(nonn_depthwise_row a, nonn_depthwise_row b, int32_t pixels,
                                         uint32_t *words, uint32_t *next) {
    uint32_t x, y, low;
    NONN_DEPTHWISE_GATHER(a, b, pixels, words, next, 8, 32);
}

static inline void nonn_depthwise_carry(nonn_depthwise_row a, nonn_depthwise_row b, int32_t pixels,
                                        uint32_t *words, uint32_t *carried) {
    uint32_t x, y, low;
    NONN_DEPTHWISE_GATHER(a, b, pixels, words, carried, 4, 16);
}

/* Sums of one channel. `words` are its words of the first column, `start` is what a sum starts
 * from; `pairs` are the weights of each column of the kernel, of rows 0 and 1 and of rows 1 and 2.
 * With stride 1 the two rows' sums for column x of the output come to column x + 2, with stride 2
 * the one row's to column 2 * x + 2. What the columns before them then hold means nothing. */
void nonn_depthwise_sums_1(uint32_t *words, int32_t start, const uint32_t (*pairs)[2]);
void nonn_depthwise_sums_2(uint32_t *words, int32_t start, const uint32_t (*pairs)[2]);

/* In the order of the registers they are for. */
typedef struct {
    const uint32_t *sums;
    int8_t *at;
    int32_t multiplier, addend;
    int32_t step;   /* from an output to the next */
    int32_t second; /* from a row to the one below, 0 where there is none */
    int32_t count;  /* outputs in a row */
    int32_t strips;
    int32_t sums_between; /* bytes from the end of a strip's sums to the next strip's */
    int32_t rows_between; /* bytes from the end of a strip's first row to the next strip's */
} nonn_depthwise_outputs;

/* Outputs of one channel from its sums, by stride: saturate8((sum * multiplier >> 32) + addend >>
 * 8). The first row's are stored last, which may be in the place of the second row's. */
void nonn_depthwise_put_1(const nonn_depthwise_outputs *to);
void nonn_depthwise_put_2(const nonn_depthwise_outputs *to);

#endif

#endif
