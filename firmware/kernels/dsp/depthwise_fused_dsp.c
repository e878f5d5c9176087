#include "nonn/kernels/depthwise_fused_dsp.h"

#include <stdbool.h>
#include <string.h>

#include "depthwise_fused_rows.h"
#include "nonn/target.h"

#if NONN_TARGET_DSP

typedef struct {
    uint32_t weights[GROUP][5];
    uint32_t columns[];
} workspace;

_Static_assert(sizeof(workspace) == NONN_DEPTHWISE_FUSED_DSP_WEIGHTS, "the header tells the size");

static inline uint32_t load(const void *at) {
    uint32_t word;
    memcpy(&word, at, sizeof word);
    return word;
}

static inline void store(void *at, uint32_t word) {
    memcpy(at, &word, sizeof word);
}

/* Weights of four channels, as int16 that are 256 times as large: a mask is all it takes. Halving
 * these leaves no remainder. */
static void widen(const int8_t *weights, const uint8_t *halvings, workspace *work) {
    const uint32_t mask = 0xFF00FF00u;
    for (int32_t i = 0; i < 4; ++i) {
        const uint32_t low = load(weights), high = load(weights + 4);
        weights += 8;
        work->weights[0][i] = low << 8 & mask;
        work->weights[1][i] = low & mask;
        work->weights[2][i] = high << 8 & mask;
        work->weights[3][i] = high & mask;
    }
    const uint32_t last = load(weights); /* the upper half of these does not matter */
    work->weights[0][4] = last << 8 & mask;
    work->weights[1][4] = last & mask;
    work->weights[2][4] = last >> 8 & mask;
    work->weights[3][4] = last >> 16 & mask;
    for (int32_t c = 0; halvings != 0 && c < GROUP; ++c) {
        for (int32_t left = halvings[c]; left > 0; --left) {
            for (int32_t i = 0; i < 5; ++i) {
                __asm__("shadd16 %0, %0, %1" : "+r"(work->weights[c][i]) : "r"(0));
            }
        }
    }
}

typedef struct {
    const nonn_depthwise_fused_dsp_params *params;
    workspace *work;
    uint32_t *carried;
    uint32_t zeros;  /* four channels at the zero point */
    uint32_t offset; /* of two rows of one channel */
    int32_t strips;  /* of the whole image */
    int32_t columns; /* with the one that ends a strip */
} job;

static void rows_of(const job *j, const int8_t *image, int32_t strip, nonn_depthwise_row rows[2]) {
    const nonn_depthwise_fused_dsp_params *params = j->params;
    const int32_t step = params->channels, y = 2 * strip - params->pad_h;
    for (int32_t i = 0; i < 2; ++i) {
        const bool inside = y + i >= 0 && y + i < params->in_h;
        rows[i].at = inside ? image + (y + i) * params->in_w * step : (const int8_t *)&j->zeros;
        rows[i].step = inside ? step : 0;
    }
}

static void fill(uint32_t *words, uint32_t word) {
    words[0] = words[1] = words[2] = words[3] = word;
}

static void take_carried(const uint32_t *carried, int32_t pixels, uint32_t *words) {
    for (; pixels > 0; --pixels) {
        const uint32_t word0 = carried[0], word1 = carried[1];
        const uint32_t word2 = carried[2], word3 = carried[3];
        words[0] = word0;
        words[2] = word1;
        words[4] = word2;
        words[6] = word3;
        carried += GROUP;
        words += COLUMN;
    }
}

/* Lays out `count` strips of four channels from strip `first` on. */
static void lay_out_1(const job *j, const int8_t *image, int32_t first, int32_t count) {
    const int32_t pixels = j->params->in_w;
    uint32_t *upper = j->work->columns;
    uint32_t *lower = 0;
    for (int32_t k = first; k <= first + count; ++k) {
        nonn_depthwise_row rows[2];
        rows_of(j, image, k, rows);
        if (k == first && k > 0) {
            take_carried(j->carried, pixels, upper);
        } else if (k == first + count && k < j->strips) {
            nonn_depthwise_carry_1(rows, j->offset, pixels, lower, j->carried);
        } else {
            uint32_t *const one = k == first ? upper : lower;
            nonn_depthwise_gather_1(rows, j->offset, pixels, one, k == first + count ? one : upper);
        }
        if (k < first + count) {
            uint32_t *const end = upper + pixels * COLUMN;
            for (int32_t c = 0; c < GROUP; ++c) {
                end[2 * c] = LAST;
                end[2 * c + 1] = k + 1 < first + count;
            }
            lower = upper + 1;
            upper = end + COLUMN;
        }
    }
}

/* Moves a row's words, two a turn, the first of an odd number alone; `left` is one more. */
#define PUT_ROW(move)     \
    "lsrs %[left], #1;"   \
    "bcc 2f;"             \
    "1: " move "2: " move \
    "subs %[left], #1;"   \
    "bne 1b"

/* Two rows of outputs from each strip, the first one last: it may be in place of the other. */
static void put_1(const job *j, int8_t *output, int32_t first, int32_t count) {
    const nonn_depthwise_fused_dsp_params *params = j->params;
    const int32_t step = params->channels, row_bytes = params->out_w * step;
    const uint32_t *words = j->work->columns + (2 - params->pad_w) * COLUMN;
    for (int32_t k = first; k < first + count; ++k) {
        int8_t *at = output + 2 * k * row_bytes;
        const int32_t below = 2 * k + 1 < params->out_h ? row_bytes : 0;
        const uint32_t *from = words;
        int32_t left = params->out_w + 1;
        uint32_t one, two;
        __asm__ volatile(PUT_ROW("ldrd %[one], %[two], [%[from]], #32;"
                                 "str %[two], [%[at], %[below]];"
                                 "str %[one], [%[at]];"
                                 "add %[at], %[step];")
                         : [from] "+r"(from), [at] "+r"(at), [left] "+r"(left), [one] "=&r"(one),
                           [two] "=&r"(two)
                         : [below] "r"(below), [step] "r"(step)
                         : "cc", "memory");
        words += j->columns * COLUMN;
    }
}

/* The end of a pair of rows with stride 2. */
static void end_2(const job *j, uint32_t *words) {
    words += j->params->in_w * GROUP;
    if (j->columns > j->params->in_w + 1) {
        fill(words, 0);
        words += GROUP;
    }
    fill(words, LAST);
}

/* The same for stride 2; the first pair of rows is there already unless it is the image's first. A
 * strip at a time takes turns with the one before it. */
static void lay_out_2(const job *j, const int8_t *image, int32_t first, int32_t count,
                      nonn_depthwise_strips *strips) {
    const int32_t pixels = j->params->in_w, pitch = j->columns * GROUP, most = j->params->strips;
    uint32_t *const top = j->work->columns;
    const bool swapped = most == 1 && (first & 1) != 0;
    strips->upper = swapped ? top + pitch : top;
    strips->lower = swapped ? top : top + pitch;
    if (first > 0 && most > 1) {
        const uint32_t *from = top + most * pitch;
        for (int32_t i = 0; i < pixels * GROUP; i += GROUP) {
            const uint32_t word0 = from[i], word1 = from[i + 1];
            const uint32_t word2 = from[i + 2], word3 = from[i + 3];
            top[i] = word0;
            top[i + 1] = word1;
            top[i + 2] = word2;
            top[i + 3] = word3;
        }
        end_2(j, top);
    }
    uint32_t *words = first == 0 ? strips->upper : strips->lower;
    for (int32_t k = first == 0 ? 0 : first + 1; k <= first + count; ++k) {
        nonn_depthwise_row rows[2];
        rows_of(j, image, k, rows);
        nonn_depthwise_gather_2(rows, j->offset, pixels, words);
        end_2(j, words);
        words = k == first ? strips->lower : words + pitch;
    }
}

static void put_2(const job *j, const uint32_t *upper, int8_t *output, int32_t first,
                  int32_t count) {
    const nonn_depthwise_fused_dsp_params *params = j->params;
    const int32_t step = params->channels;
    const uint32_t *words = upper + (2 - params->pad_w) * GROUP;
    int8_t *at = output + first * params->out_w * step;
    for (; count > 0; --count) {
        const uint32_t *from = words;
        int32_t left = params->out_w + 1;
        uint32_t one;
        __asm__ volatile(PUT_ROW("ldr %[one], [%[from]], #32;"
                                 "str %[one], [%[at]];"
                                 "add %[at], %[step];")
                         : [from] "+r"(from), [at] "+r"(at), [left] "+r"(left), [one] "=&r"(one)
                         : [step] "r"(step)
                         : "cc", "memory");
        words += j->columns * GROUP;
    }
}

/* Where outputs can be written while inputs are still to be read. Four channels are finished before
 * the next are read, so the output may lie over the input by whole pixels; by anything else, the
 * outputs have to take the inputs' own place first. The input then is not needed by anyone else, or
 * it would not be overlapped. */
static int8_t *place_of(const nonn_depthwise_fused_dsp_params *params, const int8_t *input,
                        int8_t *output, size_t bytes) {
    const uintptr_t distance = (uintptr_t)input - (uintptr_t)output;
    const bool apart = distance >= bytes; /* and also where the output is above */
    return apart || distance % params->channels == 0 ? output : (int8_t *)input;
}

/* To where words of four may overlap the ones after them. */
static void move_down(int8_t *to, const int8_t *from, size_t words) {
    for (; words >= 4; words -= 4) {
        __asm__ volatile("ldm %0!, {r2, r3, r12, lr}; stm %1!, {r2, r3, r12, lr}"
                         : "+r"(from), "+r"(to)
                         :
                         : "r2", "r3", "r12", "lr", "memory");
    }
    for (; words > 0; --words, from += 4, to += 4) {
        store(to, load(from));
    }
}

void nonn_depthwise_fused_dsp(const nonn_depthwise_fused_dsp_params *params, const int8_t *input,
                              int8_t *output, void *scratch) {
    workspace *const work = scratch;
    const size_t bytes = (size_t)params->out_h * params->out_w * params->channels;
    int8_t *const place = place_of(params, input, output, bytes);
    const bool two = params->stride == 1; /* rows of outputs a strip */
    const uint32_t zero = (uint8_t)params->input_zero_point;
    const job j = {
        .params = params,
        .work = work,
        .carried = work->columns + params->strips * (params->in_w + 1) * COLUMN,
        .zeros = zero * 0x01010101u,
        .offset = ((uint32_t)-params->input_zero_point & 0xFFFFu) * 0x00010001u,
        .strips = two ? (params->out_h + 1) / 2 : params->out_h,
        .columns = params->in_w + 1 + (two ? 0 : (params->in_w + params->pad_w) & 1),
    };
    const uint32_t windows = ((uint32_t)j.columns - 1 + params->pad_w) / 2; /* with stride 2 */
    for (int32_t c = 0; c < params->channels; c += GROUP) {
        nonn_depthwise_strips strips = {
            .upper = work->columns,
            .weights = work->weights[0],
            .start = params->bias + c,
            .multiplier = params->multiplier + c,
        };
        widen(params->weights + 9 * c, params->halvings == 0 ? 0 : params->halvings + c, work);
        for (int32_t first = 0; first < j.strips; first += params->strips) {
            const int32_t left = j.strips - first;
            const int32_t count = left < params->strips ? left : params->strips;
            if (two) {
                lay_out_1(&j, input + c, first, count);
                nonn_depthwise_pass_1(&strips, params->in_w & 1);
                put_1(&j, place + c, first, count);
            } else {
                lay_out_2(&j, input + c, first, count, &strips);
                strips.strips = (uint32_t)count;
                nonn_depthwise_pass_2(&strips, params->pad_w | (windows & 1) << 1);
                put_2(&j, strips.upper, place + c, first, count);
            }
        }
    }
    if (place != output) {
        move_down(output, place, bytes / 4);
    }
}

#endif
