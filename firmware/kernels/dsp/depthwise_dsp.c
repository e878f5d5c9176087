#include "nonn/kernels/depthwise_dsp.h"

#include <stdbool.h>
#include <string.h>

#include "nonn/target.h"

#if NONN_TARGET_DSP

enum {
    GROUP = 4,  /* channels */
    COLUMN = 8, /* words: for each channel the upper two rows, then the lower two */
    COLUMN_BYTES = 4 * COLUMN,
    CARRIED = 4 /* words of a column that wait for the next strips, one for each channel */
};

/* In the place of the first word of a column: no two int8. It ends the columns. */
#define LAST 0x80008000u

/* A function that finds its parameters where a call leaves them: none may be optimised away. */
#define IN_ASSEMBLY __attribute__((naked, noipa))
#define UNSEEN __attribute__((unused))

typedef struct {
    uint32_t pairs[GROUP][3][2]; /* weights of each column: rows 0 and 1, rows 1 and 2 */
    uint32_t columns[];
} workspace;

_Static_assert(sizeof(workspace) == NONN_DEPTHWISE_DSP_WEIGHTS, "the header tells the size");

static inline uint32_t load(const int8_t *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

/* Bytes 0 and 1 of both, bytes 2 and 3 of both. */
static inline uint32_t low_halves(uint32_t bottom, uint32_t top) {
    uint32_t result;
    __asm__("pkhbt %0, %1, %2, lsl #16" : "=r"(result) : "r"(bottom), "r"(top));
    return result;
}

static inline uint32_t high_halves(uint32_t bottom, uint32_t top) {
    uint32_t result;
    __asm__("pkhtb %0, %1, %2, asr #16" : "=r"(result) : "r"(top), "r"(bottom));
    return result;
}

/* Weights of four channels, as int16 times 2^scale. A mask is all it takes to make halves of bytes
 * that are 256 times as large; halving these leaves no remainder. */
static void widen(const int8_t *weights, const uint8_t *scale, workspace *work) {
    const uint32_t mask = 0xFF00FF00u;
    for (int32_t column = 0; column < 3; ++column) {
        uint32_t row = load(weights);
        for (int32_t i = 0; i < 2; ++i) {
            weights += GROUP;
            const uint32_t below = load(weights);
            const uint32_t low = low_halves(row, below), high = high_halves(row, below);
            work->pairs[0][column][i] = low << 8 & mask;
            work->pairs[1][column][i] = low & mask;
            work->pairs[2][column][i] = high << 8 & mask;
            work->pairs[3][column][i] = high & mask;
            row = below;
        }
        weights += GROUP;
    }
    for (int32_t c = 0; c < GROUP; ++c) {
        for (int32_t halvings = 8 - scale[c]; halvings > 0; --halvings) {
            uint32_t *pair = work->pairs[c][0];
            for (int32_t i = 0; i < 6; ++i) {
                __asm__("shadd16 %0, %0, %1" : "+r"(pair[i]) : "r"(0));
            }
        }
    }
}

/* The sums of one channel, stride 1. `words` are its words of the first column; the sums for column
 * x of the output come to column x + 2. Three columns' sums are under way: those that a column ends
 * (r8, r9), those it goes on with (r10, r11) and those it begins, in the registers of those that it
 * has ended. The first two columns so store what means nothing, where words have been read. */
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

IN_ASSEMBLY static void rows_1(UNSEEN uint32_t *words, UNSEEN int32_t start,
                               UNSEEN const uint32_t (*pairs)[2]) {
    __asm__ volatile(
        "push {r4-r11, lr}\n\t"
        "ldm r2, {r2-r7}\n\t"
        "ldrd r12, lr, [r0], #32\n"
        "1:\n\t"                           /* */
        COLUMN_1("r8", "r9", "r10", "r11") /* */
        COLUMN_1("r10", "r11", "r8", "r9") /* */
        "cmp r12, #0x80008000\n\t"
        "bne 1b\n\t"
        "pop {r4-r11, pc}\n\t");
}

/* The same for stride 2: every second column ends a sum and begins the next one. */
IN_ASSEMBLY static void rows_2(UNSEEN uint32_t *words, UNSEEN int32_t start,
                               UNSEEN const uint32_t (*pairs)[2]) {
    __asm__ volatile(
        "push {r4-r8, lr}\n\t"
        "ldm r2, {r2-r7}\n\t"
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

/* Two rows of pixels as words, which are the lower ones of a strip and the upper ones of the next:
 * both get them. `other` has its channels and columns at the distances `channel` and `column`. */
#define GATHER(a, b, pixels, words, other, channel, column)                             \
    __asm__ volatile(                                                                   \
        "1:\n\t"                                                                        \
        "ldr %[x], [%[above]]\n\t"                                                      \
        "ldr %[y], [%[below]]\n\t"                                                      \
        "add %[above], %[above_step]\n\t"                                               \
        "add %[below], %[below_step]\n\t"                                               \
        "pkhbt %[low], %[x], %[y], lsl #16\n\t"                                         \
        "pkhtb %[y], %[y], %[x], asr #16\n\t"                                           \
        "sxtb16 %[x], %[low], ror #8\n\t"                                               \
        "sxtb16 %[low], %[low]\n\t"                                                     \
        "str %[x], [%[to], #8]\n\t"                                                     \
        "str %[x], [%[also], #" #channel                                                \
        "]\n\t"                                                                         \
        "sxtb16 %[x], %[y]\n\t"                                                         \
        "sxtb16 %[y], %[y], ror #8\n\t"                                                 \
        "str %[x], [%[to], #16]\n\t"                                                    \
        "str %[x], [%[also], #2 * " #channel                                            \
        "]\n\t"                                                                         \
        "str %[y], [%[to], #24]\n\t"                                                    \
        "str %[y], [%[also], #3 * " #channel                                            \
        "]\n\t"                                                                         \
        "str %[low], [%[to]], #32\n\t"                                                  \
        "str %[low], [%[also]], #" #column                                              \
        "\n\t"                                                                          \
        "subs %[left], #1\n\t"                                                          \
        "bne 1b"                                                                        \
        : [above] "+r"(a.at), [below] "+r"(b.at), [to] "+r"(words), [also] "+r"(other), \
          [left] "+r"(pixels), [x] "=&r"(x), [y] "=&r"(y), [low] "=&r"(low)             \
        : [above_step] "r"(a.step), [below_step] "r"(b.step)                            \
        : "cc", "memory")

static void gather(row a, row b, int32_t pixels, uint32_t *words, uint32_t *next) {
    uint32_t x, y, low;
    GATHER(a, b, pixels, words, next, 8, 32);
}

static void gather_and_carry(row a, row b, int32_t pixels, uint32_t *words, uint32_t *carried) {
    uint32_t x, y, low;
    GATHER(a, b, pixels, words, carried, 4, 16);
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
    for (; columns > 0; --columns) {
        words[0] = words[1] = words[2] = words[3] = word;
        words[4] = words[5] = words[6] = words[7] = word;
        words += COLUMN;
    }
}

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
} outputs;

/* One output, or one of each row; the first row's comes last, which may be in place of the other.
 */
#define OUTPUT_1                    \
    "ldrd r10, r11, [r0], #32\n\t"  \
    "smmla r11, r11, r2, r3\n\t"    \
    "smmla r10, r10, r2, r3\n\t"    \
    "ssat r11, #8, r11, asr #8\n\t" \
    "ssat r10, #8, r10, asr #8\n\t" \
    "strb r11, [r1, r5]\n\t"        \
    "strb r10, [r1]\n\t"            \
    "add r1, r4\n\t"

#define OUTPUT_2                    \
    "ldr r10, [r0], #64\n\t"        \
    "smmla r10, r10, r2, r3\n\t"    \
    "ssat r10, #8, r10, asr #8\n\t" \
    "strb r10, [r1]\n\t"            \
    "add r1, r4\n\t"

/* Two outputs a turn, the first of an odd number alone. */
#define ALL_STRIPS(output)          \
    "push {r4-r11, lr}\n\t"         \
    "ldm r0, {r0-r9}\n\t"           \
    "add r6, #1\n"                  \
    "1:\n\t"                        \
    "lsrs r12, r6, #1\n\t"          \
    "bcc 3f\n"                      \
    "2:\n\t" output "3:\n\t" output \
    "subs r12, #1\n\t"              \
    "bne 2b\n\t"                    \
    "add r0, r8\n\t"                \
    "add r1, r9\n\t"                \
    "subs r7, #1\n\t"               \
    "bne 1b\n\t"                    \
    "pop {r4-r11, pc}\n\t"

/* Outputs of one channel, stride 1, from its sums. */
IN_ASSEMBLY static void put_1(UNSEEN const outputs *to) {
    __asm__ volatile(ALL_STRIPS(OUTPUT_1));
}

/* And stride 2. */
IN_ASSEMBLY static void put_2(UNSEEN const outputs *to) {
    __asm__ volatile(ALL_STRIPS(OUTPUT_2));
}

/* Before that, where sums below zero are corrected: the sums in place. */
static void correct(int32_t correction, uint32_t *sums, int32_t columns) {
    for (; columns > 0; --columns) {
        for (int32_t i = 0; i < 2; ++i) {
            const int32_t sum = (int32_t)sums[i];
            sums[i] = (uint32_t)(sum + (sum >> 31) * correction);
        }
        sums += COLUMN;
    }
}

typedef struct {
    const nonn_depthwise_dsp_params *params;
    workspace *work;
    uint32_t *carried;
    uint32_t zeros; /* four channels at the zero point */
    uint32_t zero;  /* two rows of one channel */
    int32_t strips; /* of the whole image */
} job;

/* Where the long row of `count` strips ends. */
static int32_t end_of(const nonn_depthwise_dsp_params *params, int32_t count) {
    const int32_t before = (count - 1) * params->pitch;
    return params->stride == 1 ? (before + params->out_w + 3) & ~1 : before + 2 * params->out_w + 2;
}

/* Lays out `count` strips of four channels from strip `first` on. */
static void lay_out(const job *j, const int8_t *image, int32_t first, int32_t count) {
    const nonn_depthwise_dsp_params *params = j->params;
    const int32_t pixels = params->in_w, pad = params->pad_w, height = params->in_h;
    const int32_t step = params->channels, row_bytes = pixels * step, pitch = params->pitch;
    const row beside = {(const int8_t *)&j->zeros, 0};
    uint32_t *upper = j->work->columns + pad * COLUMN;
    uint32_t *lower = 0;
    fill(j->work->columns, pad, j->zero);
    for (int32_t k = first; k <= first + count; ++k) {
        const int32_t y = 2 * k - params->pad_h;
        const row a = y >= 0 && y < height ? (row){image + y * row_bytes, step} : beside;
        const row b = y + 1 < height ? (row){image + (y + 1) * row_bytes, step} : beside;
        if (k == first && k > 0) {
            take_carried(j->carried, pixels, upper);
        } else if (k == first + count && k < j->strips) {
            gather_and_carry(a, b, pixels, lower, j->carried);
        } else {
            uint32_t *const one = k == first ? upper : lower;
            gather(a, b, pixels, one, k == first + count ? one : upper);
        }
        if (k < first + count) {
            fill(upper + pixels * COLUMN, pitch - pixels, j->zero);
        }
        lower = upper + 1;
        upper += pitch * COLUMN;
    }
    fill(j->work->columns + end_of(params, count) * COLUMN, 1, LAST);
}

/* Four channels, `o` the first, of the strips that have been laid out. */
static void convolve(const job *j, int32_t o, int32_t first, int32_t count, int8_t *output) {
    const nonn_depthwise_dsp_params *params = j->params;
    const bool two = params->stride == 1; /* rows of outputs a strip */
    const int32_t row_bytes = params->out_w * params->channels;
    const int32_t y = two ? 2 * first : first;
    const bool single = two && y + 2 * count > params->out_h; /* the last strip has one row */
    uint32_t *words = j->work->columns;
    outputs to = {
        .step = params->channels,
        .count = params->out_w,
        .sums_between = (params->pitch - params->out_w * params->stride) * COLUMN_BYTES,
        .rows_between = two ? row_bytes : 0,
    };
    output += y * row_bytes + o;
    for (int32_t c = 0; c < GROUP; ++c, ++o, ++output, words += COLUMN / GROUP) {
        (two ? rows_1 : rows_2)(words, params->bias[o], j->work->pairs[c]);
        if (params->correction != 0) {
            correct(params->correction[o], words, end_of(params, count));
        }
        to.sums = words + 2 * COLUMN;
        to.at = output;
        to.multiplier = params->multiplier[o];
        to.addend = params->addend[o];
        to.second = row_bytes;
        to.strips = count - single;
        if (to.strips > 0) {
            (two ? put_1 : put_2)(&to);
        }
        if (single) {
            to.sums += to.strips * params->pitch * COLUMN;
            to.at += to.strips * 2 * row_bytes;
            to.second = 0;
            to.strips = 1;
            put_1(&to);
        }
    }
}

/* Where outputs can be written while inputs are still to be read. Four channels are finished before
 * the next are read, so the output may lie over the input by whole pixels; by anything else, the
 * outputs have to take the inputs' own place first. The input then is not needed by anyone else, or
 * it would not be overlapped. */
static int8_t *place_of(const nonn_depthwise_dsp_params *params, const int8_t *input,
                        int8_t *output, size_t bytes) {
    const uintptr_t distance = (uintptr_t)input - (uintptr_t)output;
    const bool apart = distance >= bytes; /* and also where the output is above */
    return apart || distance % params->channels == 0 ? output : (int8_t *)input;
}

void nonn_depthwise_dsp(const nonn_depthwise_dsp_params *params, const int8_t *input,
                        int8_t *output, void *scratch) {
    workspace *const work = scratch;
    const size_t bytes = (size_t)params->out_h * params->out_w * params->channels;
    int8_t *const place = place_of(params, input, output, bytes);
    const uint32_t zero = (uint8_t)params->input_zero_point;
    const job j = {
        .params = params,
        .work = work,
        .carried = work->columns + (end_of(params, params->strips) + 1) * COLUMN,
        .zeros = zero * 0x01010101u,
        .zero = ((uint32_t)params->input_zero_point & 0xFFFFu) * 0x00010001u,
        .strips = params->stride == 1 ? (params->out_h + 1) / 2 : params->out_h,
    };
    for (int32_t c = 0; c < params->channels; c += GROUP) {
        widen(params->weights + 9 * c, params->scale + c, work);
        for (int32_t first = 0; first < j.strips; first += params->strips) {
            const int32_t left = j.strips - first;
            const int32_t count = left < params->strips ? left : params->strips;
            lay_out(&j, input + c, first, count);
            convolve(&j, c, first, count, place);
        }
    }
    if (place != output) {
        memmove(output, place, bytes);
    }
}

#endif
