#include "nonn/kernels/depthwise_dsp.h"

#include <stdbool.h>
#include <string.h>

#include "depthwise_strips.h"
#include "nonn/target.h"

#if NONN_TARGET_DSP

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

static void fill(uint32_t *words, int32_t columns, uint32_t word) {
    for (; columns > 0; --columns) {
        words[0] = words[1] = words[2] = words[3] = word;
        words[4] = words[5] = words[6] = words[7] = word;
        words += COLUMN;
    }
}

/* Sums below zero are corrected where they are. */
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
    const nonn_depthwise_row beside = {(const int8_t *)&j->zeros, 0};
    uint32_t *upper = j->work->columns + pad * COLUMN;
    uint32_t *lower = 0;
    fill(j->work->columns, pad, j->zero);
    for (int32_t k = first; k <= first + count; ++k) {
        const int32_t y = 2 * k - params->pad_h;
        const nonn_depthwise_row a =
            y >= 0 && y < height ? (nonn_depthwise_row){image + y * row_bytes, step} : beside;
        const nonn_depthwise_row b =
            y + 1 < height ? (nonn_depthwise_row){image + (y + 1) * row_bytes, step} : beside;
        if (k == first && k > 0) {
            take_carried(j->carried, pixels, upper);
        } else if (k == first + count && k < j->strips) {
            nonn_depthwise_carry(a, b, pixels, lower, j->carried);
        } else {
            uint32_t *const one = k == first ? upper : lower;
            nonn_depthwise_gather(a, b, pixels, one, k == first + count ? one : upper);
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
    nonn_depthwise_outputs to = {
        .step = params->channels,
        .count = params->out_w,
        .sums_between = (params->pitch - params->out_w * params->stride) * COLUMN_BYTES,
        .rows_between = two ? row_bytes : 0,
    };
    output += y * row_bytes + o;
    for (int32_t c = 0; c < GROUP; ++c, ++o, ++output, words += COLUMN / GROUP) {
        (two ? nonn_depthwise_sums_1 : nonn_depthwise_sums_2)(words, params->bias[o],
                                                              j->work->pairs[c]);
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
            (two ? nonn_depthwise_put_1 : nonn_depthwise_put_2)(&to);
        }
        if (single) {
            to.sums += to.strips * params->pitch * COLUMN;
            to.at += to.strips * 2 * row_bytes;
            to.second = 0;
            to.strips = 1;
            nonn_depthwise_put_1(&to);
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
