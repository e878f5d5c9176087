#include "nonn/kernels/depthwise_dsp.h"

#include <stdbool.h>
#include <string.h>

#include "nonn/target.h"

#if NONN_TARGET_DSP

enum {
    GROUP = 4,   /* channels */
    UPPER = 0,   /* of a column's two words for a channel: the upper two rows */
    LOWER = 1,   /* and the lower two */
    COLUMN = 8,  /* words: [channel][UPPER, LOWER] */
    CARRIED = 4, /* words of a column that wait for the next strips: [channel] */
};

/* An UPPER word that is no two int8; it ends the columns. */
#define LAST 0x80008000u

/* A function that finds its parameters where a call leaves them: none may be optimised away. */
#define IN_ASSEMBLY __attribute__((naked, noipa))
#define UNSEEN __attribute__((unused))

typedef struct {
    int32_t start;
    uint32_t weights[6]; /* of each column: rows 0 and 1, rows 1 and 2 */
    int32_t multiplier, addend, correction;
} channel;

typedef struct {
    channel of[GROUP];
    uint32_t columns[];
} workspace;

_Static_assert(sizeof(workspace) == NONN_DEPTHWISE_DSP_CHANNELS, "the header tells the size");

static inline uint32_t pair(int32_t bottom, int32_t top) {
    return ((uint32_t)bottom & 0xFFFFu) | (uint32_t)top << 16;
}

static void widen(const nonn_depthwise_dsp_params *params, int32_t first, channel *of) {
    const int8_t *taps = params->weights + first * 9;
    for (int32_t c = first; c < first + GROUP; ++c, ++of) {
        const int32_t scale = 1 << params->scale[c];
        for (int32_t column = 0; column < 3; ++column, taps += 3) {
            const int32_t middle = taps[1] * scale;
            of->weights[2 * column] = pair(taps[0] * scale, middle);
            of->weights[2 * column + 1] = pair(middle, taps[2] * scale);
        }
        of->start = params->bias[c];
        of->multiplier = params->multiplier[c];
        of->addend = params->addend[c];
        of->correction = params->correction != 0 ? params->correction[c] : 0;
    }
}

/* The sums of one channel, stride 1. `words` are its words of the first column, the sums for column
 * x of the output come to column x + 2. Three columns' sums are under way: those that a column ends
 * (r8, r9), goes on with (r10, r11) and begins, in the registers of those that it has ended. The
 * first two columns so store what means nothing, into columns that have been read. */
IN_ASSEMBLY static void rows_1(UNSEEN uint32_t *words, UNSEEN const channel *of) {
    __asm__ volatile(
        "push {r4-r11, lr}\n\t"
        "ldm r1, {r1-r7}\n\t"
        "ldrd r12, lr, [r0], #32\n"
        "1:\n\t"
#define COLUMN_1(end0, end1, mid0, mid1) \
    "smlad " end0 ", r12, r6, " end0     \
    "\n\t"                               \
    "smlatb " end1 ", r12, r6, " end1    \
    "\n\t"                               \
    "smlabt " end0 ", lr, r7, " end0     \
    "\n\t"                               \
    "smlad " end1 ", lr, r7, " end1      \
    "\n\t"                               \
    "smlad " mid0 ", r12, r4, " mid0     \
    "\n\t"                               \
    "smlatb " mid1 ", r12, r4, " mid1    \
    "\n\t"                               \
    "str " end0                          \
    ", [r0, #-32]\n\t"                   \
    "str " end1                          \
    ", [r0, #-28]\n\t"                   \
    "smlabt " mid0 ", lr, r5, " mid0     \
    "\n\t"                               \
    "smlad " mid1 ", lr, r5, " mid1      \
    "\n\t"                               \
    "smlad " end0                        \
    ", r12, r2, r1\n\t"                  \
    "smlatb " end1                       \
    ", r12, r2, r1\n\t"                  \
    "smlabt " end0 ", lr, r3, " end0     \
    "\n\t"                               \
    "smlad " end1 ", lr, r3, " end1      \
    "\n\t"                               \
    "ldrd r12, lr, [r0], #32\n\t"
        COLUMN_1("r8", "r9", "r10", "r11")
        COLUMN_1("r10", "r11", "r8", "r9")
        "cmp r12, #0x80008000\n\t"
        "bne 1b\n\t"
        "pop {r4-r11, pc}\n\t");
}

/* The same for stride 2: every second column ends a sum and begins the next one. */
IN_ASSEMBLY static void rows_2(UNSEEN uint32_t *words, UNSEEN const channel *of) {
    __asm__ volatile(
        "push {r4-r8, lr}\n\t"
        "ldm r1, {r1-r7}\n\t"
        "ldrd r12, lr, [r0], #32\n"
        "1:\n\t"
        "smlad r8, r12, r6, r8\n\t"
        "smlabt r8, lr, r7, r8\n\t"
        "str r8, [r0, #-32]\n\t"
        "smlad r8, r12, r2, r1\n\t"
        "smlabt r8, lr, r3, r8\n\t"
        "ldrd r12, lr, [r0], #32\n\t"
        "smlad r8, r12, r4, r8\n\t"
        "smlabt r8, lr, r5, r8\n\t"
        "ldrd r12, lr, [r0], #32\n\t"
        "cmp r12, #0x80008000\n\t"
        "bne 1b\n\t"
        "pop {r4-r8, pc}\n\t");
}

typedef struct {
    const int8_t *at; /* four channels of a pixel */
    int32_t step;     /* bytes to the next pixel, 0 beside the image */
} row;

static inline uint32_t load(const int8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Two rows as words, which are the lower ones of a strip and the upper ones of the next: both get
 * them. `next_channel` is the distance of two channels there, in words. */
static inline __attribute__((always_inline)) void gather(row a, row b, int32_t pixels,
                                                         uint32_t *words, uint32_t *next,
                                                         int32_t next_channel) {
    for (; pixels > 0; --pixels) {
        const uint32_t above = load(a.at), below = load(b.at);
        uint32_t low, high, word0, word1, word2, word3;
        a.at += a.step;
        b.at += b.step;
        __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(low) : "r"(above), "r"(below));
        __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(high) : "r"(below), "r"(above));
        __asm__("sxtb16 %0, %1" : "=r"(word0) : "r"(low));
        __asm__("sxtb16 %0, %1, ror #8" : "=r"(word1) : "r"(low));
        __asm__("sxtb16 %0, %1" : "=r"(word2) : "r"(high));
        __asm__("sxtb16 %0, %1, ror #8" : "=r"(word3) : "r"(high));
        words[0] = word0;
        words[2] = word1;
        words[4] = word2;
        words[6] = word3;
        next[0] = word0;
        next[next_channel] = word1;
        next[2 * next_channel] = word2;
        next[3 * next_channel] = word3;
        words += COLUMN;
        next += next_channel * GROUP;
    }
}

static void gather_here(row a, row b, int32_t pixels, uint32_t *words, uint32_t *next) {
    gather(a, b, pixels, words, next, COLUMN / GROUP);
}

static void gather_and_carry(row a, row b, int32_t pixels, uint32_t *words, uint32_t *carried) {
    gather(a, b, pixels, words, carried, CARRIED / GROUP);
}

static void take_carried(const uint32_t *carried, int32_t pixels, uint32_t *words) {
    for (; pixels > 0; --pixels) {
        const uint32_t word0 = carried[0], word1 = carried[1];
        const uint32_t word2 = carried[2], word3 = carried[3];
        words[0] = word0;
        words[2] = word1;
        words[4] = word2;
        words[6] = word3;
        carried += CARRIED;
        words += COLUMN;
    }
}

static void fill(uint32_t *words, int32_t columns, uint32_t word) {
    for (int32_t i = 0; i < columns * COLUMN; ++i) {
        words[i] = word;
    }
}

static inline int8_t output_of(const channel *of, uint32_t word, bool corrected) {
    int32_t sum = (int32_t)word;
    if (corrected) {
        sum += (sum >> 31) * of->correction;
    }
    __asm__("smmla %0, %0, %1, %2" : "+r"(sum) : "r"(of->multiplier), "r"(of->addend));
    __asm__("ssat %0, #8, %0, asr #8" : "+r"(sum));
    return (int8_t)sum;
}

typedef struct {
    int8_t *at;
    int32_t count, step; /* outputs in a row, and from one to the next */
    int32_t second;      /* from a row to the one below, 0 where there is none */
} outputs;

/* Outputs of one channel and strip from their sums. */
static inline __attribute__((always_inline)) void put(const channel *from, const uint32_t *sums,
                                                      outputs to, int32_t stride, bool corrected) {
    const channel of = *from;
    for (; to.count > 0; --to.count) {
        const int8_t upper = output_of(&of, sums[0], corrected);
        if (stride == 1) {
            to.at[to.second] = output_of(&of, sums[1], corrected);
        }
        *to.at = upper;
        to.at += to.step;
        sums += stride * COLUMN;
    }
}

static void put_any(const channel *of, const uint32_t *sums, outputs to, int32_t stride) {
    if (of->correction == 0) {
        if (stride == 1) {
            put(of, sums, to, 1, false);
        } else {
            put(of, sums, to, 2, false);
        }
    } else if (stride == 1) {
        put(of, sums, to, 1, true);
    } else {
        put(of, sums, to, 2, true);
    }
}

typedef struct {
    const nonn_depthwise_dsp_params *params;
    workspace *work;
    uint32_t *carried;
    uint32_t zeros; /* four channels at the zero point */
    uint32_t zero;  /* two rows of one channel */
} job;

static row row_at(const job *j, const int8_t *image, int32_t y) {
    const nonn_depthwise_dsp_params *params = j->params;
    if (y < 0 || y >= params->in_h) {
        return (row){(const int8_t *)&j->zeros, 0};
    }
    return (row){image + y * params->in_w * params->channels, params->channels};
}

/* Where the long row of `count` strips ends. */
static int32_t end_of(const nonn_depthwise_dsp_params *params, int32_t count) {
    const int32_t before = (count - 1) * params->pitch;
    return params->stride == 1 ? (before + params->out_w + 3) & ~1 : before + 2 * params->out_w + 2;
}

/* Lays out `count` strips of four channels from strip `first` on; below the last of `all` there
 * is nothing to carry. */
static void lay_out(const job *j, const int8_t *image, int32_t first, int32_t count, int32_t all) {
    const nonn_depthwise_dsp_params *params = j->params;
    const int32_t pitch = params->pitch, pixels = params->in_w, pad = params->pad_w;
    uint32_t *strip = j->work->columns;
    fill(strip, pad, j->zero);
    for (int32_t k = first; k <= first + count; ++k) {
        const int32_t y = 2 * k - params->pad_h;
        const row a = row_at(j, image, y), b = row_at(j, image, y + 1);
        uint32_t *const upper = strip + pad * COLUMN + UPPER;
        uint32_t *const lower = upper - UPPER - pitch * COLUMN + LOWER;
        if (k == first + count) {
            if (k < all) {
                gather_and_carry(a, b, pixels, lower, j->carried);
            } else {
                gather_here(a, b, pixels, lower, lower);
            }
            break;
        }
        if (k > first) {
            gather_here(a, b, pixels, upper, lower);
        } else if (k > 0) {
            take_carried(j->carried, pixels, upper);
        } else {
            gather_here(a, b, pixels, upper, upper);
        }
        fill(strip + (pad + pixels) * COLUMN, pitch - pixels, j->zero);
        strip += pitch * COLUMN;
    }
    fill(j->work->columns + end_of(params, count) * COLUMN, 1, LAST);
}

/* Four channels of the strips that have been laid out. */
static void convolve(const job *j, int32_t first, int32_t count, int8_t *output) {
    const nonn_depthwise_dsp_params *params = j->params;
    const int32_t stride = params->stride;
    for (int32_t c = 0; c < GROUP; ++c, ++output) {
        const channel *const of = &j->work->of[c];
        uint32_t *const words = j->work->columns + c * (COLUMN / GROUP);
        const uint32_t *sums = words + 2 * COLUMN;
        if (stride == 1) {
            rows_1(words, of);
        } else {
            rows_2(words, of);
        }
        for (int32_t strip = first; strip < first + count; ++strip) {
            const int32_t row = stride == 1 ? 2 * strip : strip;
            const int32_t row_bytes = params->out_w * params->channels;
            put_any(of, sums,
                    (outputs){.at = output + row * row_bytes,
                              .count = params->out_w,
                              .step = params->channels,
                              .second = row + 1 < params->out_h ? row_bytes : 0},
                    stride);
            sums += params->pitch * COLUMN;
        }
    }
}

void nonn_depthwise_dsp(const nonn_depthwise_dsp_params *params, const int8_t *input,
                        int8_t *output, void *scratch) {
    workspace *const work = scratch;
    const uint32_t byte = (uint8_t)params->input_zero_point;
    const job j = {
        .params = params,
        .work = work,
        .carried = work->columns + (end_of(params, params->strips) + 1) * COLUMN,
        .zeros = byte * 0x01010101u,
        .zero = pair(params->input_zero_point, params->input_zero_point),
    };
    const int32_t all = params->stride == 1 ? (params->out_h + 1) / 2 : params->out_h;
    for (int32_t c = 0; c < params->channels; c += GROUP) {
        widen(params, c, work->of);
        for (int32_t first = 0; first < all; first += params->strips) {
            const int32_t left = all - first;
            const int32_t count = left < params->strips ? left : params->strips;
            lay_out(&j, input + c, first, count, all);
            convolve(&j, first, count, output + c);
        }
    }
}

#endif
