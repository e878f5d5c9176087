#include "nonn/kernels/conv_dsp.h"

#include "nonn/target.h"

#if NONN_TARGET_DSP

#include <string.h>

#include "conv_strip.h"
#include "nonn/kernels/window.h"
#include "requantize_dsp.h"

#define PIXELS NONN_STRIP_PIXELS

/* How many windows, from the one at row y and column x on, lie inside the image and without gaps
 * between their columns. */
static int32_t inside(const nonn_conv_dsp_params *params, int32_t y, int32_t x) {
    const int32_t last_y = params->in_h - (params->kernel_h - 1) * params->dilation_h - 1;
    const int32_t last_x = params->in_w - params->kernel_w;
    if (y < 0 || y > last_y || x < 0 || x > last_x || params->dilation_w != 1) {
        return 0;
    }
    return (last_x - x) / params->stride_w + 1;
}

static void copy(int8_t *to, const int8_t *from, int32_t count) {
    for (; count >= 4; count -= 4, to += 4, from += 4) {
        memcpy(to, from, 4);
    }
    for (; count > 0; --count) {
        *to++ = *from++;
    }
}

/* The taps of the window at row y and column x, padding included, without gaps, in whole words. */
static void gather(const nonn_conv_dsp_params *params, const int8_t *from, int32_t y, int32_t x,
                   uint32_t *words, int32_t count) {
    const int32_t channels = params->in_c;
    const int32_t run = params->kernel_w * channels;
    const nonn_span rows = nonn_window(y, params->dilation_h, params->kernel_h, params->in_h);
    const nonn_span columns = nonn_window(x, params->dilation_w, params->kernel_w, params->in_w);
    const int32_t width = columns.last - columns.first;
    int8_t *to = (int8_t *)words;
    const uint32_t zeros = 0x01010101u * (uint8_t)params->zero_point;
    for (int32_t i = 0; i < count; ++i) {
        words[i] = zeros;
    }
    if (width <= 0 || rows.last <= rows.first) {
        return;
    }
    /* Without dilation the columns inside the image are one run. */
    const int32_t runs = params->dilation_w == 1 ? 1 : width;
    const int32_t length = width / runs * channels;
    const int32_t line = params->dilation_h * params->in_w * channels;
    const int32_t apart = params->dilation_w * channels;
    from += (y + rows.first * params->dilation_h) * params->in_w * channels + x * channels +
            columns.first * apart;
    to += rows.first * run + columns.first * channels;
    for (int32_t k = 0; k < runs; ++k) {
        const int8_t *source = from + k * apart;
        int8_t *target = to + k * channels;
        for (int32_t ky = rows.first; ky < rows.last; ++ky, source += line, target += run) {
            copy(target, source, length);
        }
    }
}

/* Some pixels that make a block of their own, at the border and in two rows even: if any of their
 * windows is not all inside the image, they are gathered. Returns how many there are. */
static int32_t pick(const nonn_conv_dsp_params *params, const int8_t *input, int32_t left,
                    int32_t *y, int32_t *column, uint32_t *gathered, nonn_strip *strip) {
    const int32_t words = (params->kernel_h * strip->run + 3) >> 2;
    int32_t rows[PIXELS], columns[PIXELS];
    int direct = 1;
    int32_t pixels = 0;
    for (; pixels < PIXELS && pixels < left; ++pixels, ++*column) {
        if (*column == params->out_w) {
            *column = 0;
            *y += params->stride_h;
        }
        rows[pixels] = *y;
        columns[pixels] = *column * params->stride_w - params->pad_w;
        direct = direct && inside(params, *y, columns[pixels]) > 0;
    }
    for (int32_t k = 0; k < PIXELS; ++k) {
        if (k >= pixels) {
            strip->from[k] = strip->from[0];
        } else if (direct) {
            strip->from[k] = input + (rows[k] * params->in_w + columns[k]) * params->in_c;
        } else {
            gather(params, input, rows[k], columns[k], gathered, words);
            strip->from[k] = (int8_t *)gathered;
            gathered += words;
        }
    }
    if (!direct) {
        strip->gap = 0;
    }
    return pixels;
}

void nonn_conv_dsp(const nonn_conv_dsp_params *params, const int8_t *input, int8_t *output,
                   void *scratch) {
    uint32_t *windows = scratch;
    const int32_t line = params->in_w * params->in_c, out_c = params->out_c;
    const int32_t step = params->stride_w * params->in_c;
    const uint32_t threes = (params->pairs - 1u) / 3;
    nonn_strip strip;
    strip.first = params->pairs - 3 * threes;
    strip.entered = threes == 0 ? 0 : (threes - 1) % NONN_STRIP_UNROLLED + 1;
    strip.more = threes > NONN_STRIP_UNROLLED;
    strip.windows_end = windows + PIXELS * params->pairs;
    strip.away = params->away;
    strip.weights = params->weights;
    strip.run = params->kernel_w * params->in_c;
    strip.runs = params->kernel_h;
    strip.onwards = PIXELS * step;
    strip.odd_zero = 2 * params->output_offset + 1;
    int32_t y = -(int32_t)params->pad_h;
    int32_t column = 0;
    for (int32_t left = (int32_t)params->out_h * params->out_w; left > 0;) {
        const int32_t x = column * params->stride_w - params->pad_w;
        int32_t pixels = inside(params, y, x);
        if (pixels > params->out_w - column) {
            pixels = params->out_w - column;
        }
        pixels -= pixels % PIXELS;
        strip.gap = params->dilation_h * line - strip.run;
        if (pixels > 0) {
            for (int32_t k = 0; k < PIXELS; ++k) {
                strip.from[k] = input + y * line + x * params->in_c + k * step;
            }
            column += pixels;
        } else {
            pixels =
                pick(params, input, left, &y, &column, windows + PIXELS * params->pairs, &strip);
        }
        if (column == params->out_w) {
            column = 0;
            y += params->stride_h;
        }
        strip.windows = windows;
        strip.output = output;
        strip.last = output + out_c - 1;
        strip.second = pixels < 2 ? 0 : out_c;
        strip.third = pixels < 3 ? 0 : 2 * out_c;
        strip.blocks = (pixels + PIXELS - 1) / PIXELS;
        nonn_strip_run(&strip);
        if (params->activation_min != INT8_MIN || params->activation_max != INT8_MAX) {
            nonn_clamp_run(output, pixels * out_c, params->activation_min, params->activation_max);
        }
        output += pixels * out_c;
        left -= pixels;
    }
}

#endif
