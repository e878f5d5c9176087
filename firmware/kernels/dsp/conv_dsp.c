#include "nonn/kernels/conv_dsp.h"

#include "nonn/target.h"

#if NONN_TARGET_DSP

#include <string.h>

#include "conv_strip.h"
#include "nonn/kernels/window.h"
#include "requantize.h"

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

/* The taps of the window at row y and column x, padding included, without gaps. */
static void gather(const nonn_conv_dsp_params *params, const int8_t *input, int32_t y, int32_t x,
                   int8_t *window) {
    const int32_t channels = params->in_c;
    const int32_t run = params->kernel_w * channels;
    const nonn_span rows = nonn_window(y, params->dilation_h, params->kernel_h, params->in_h);
    const nonn_span columns = nonn_window(x, params->dilation_w, params->kernel_w, params->in_w);
    const int32_t width = columns.last - columns.first;
    memset(window, params->zero_point, (size_t)(params->kernel_h * run));
    if (width <= 0) {
        return;
    }
    /* Without dilation the columns inside the image are one run. */
    const int32_t runs = params->dilation_w == 1 ? 1 : width;
    const size_t length = (size_t)(width / runs * channels);
    for (int32_t ky = rows.first; ky < rows.last; ++ky) {
        const int32_t at =
            (y + ky * params->dilation_h) * params->in_w + x + columns.first * params->dilation_w;
        const int8_t *from = input + at * channels;
        int8_t *to = window + ky * run + columns.first * channels;
        for (int32_t k = 0; k < runs; ++k) {
            memcpy(to, from, length);
            to += channels;
            from += params->dilation_w * channels;
        }
    }
}

/* Widens the window at row y and column x to every other word of `to`. */
static void widen(const nonn_conv_dsp_params *params, const int8_t *input, int32_t y, int32_t x,
                  int8_t *window, nonn_strip *strip, uint32_t *to) {
    const int32_t line = params->in_w * params->in_c;
    strip->from = window;
    strip->gap = 0;
    if (inside(params, y, x) > 0) {
        strip->from = input + y * line + x * params->in_c;
        strip->gap = params->dilation_h * line - strip->run;
    } else {
        gather(params, input, y, x, window);
    }
    strip->windows = to;
    strip->widened = strip->runs;
    strip->blocks = 0;
    nonn_strip_run(strip);
}

void nonn_conv_dsp(const nonn_conv_dsp_params *params, const int8_t *input, int8_t *output,
                   void *scratch) {
    uint32_t *windows = scratch;
    const int32_t line = params->in_w * params->in_c;
    nonn_strip strip;
    strip.windows_end = windows + 2 * params->pairs;
    strip.skipped = (1u - params->pairs) % NONN_STRIP_UNROLLED;
    strip.away = params->away;
    strip.weights = params->weights;
    strip.step = params->stride_w * params->in_c;
    strip.run = params->kernel_w * params->in_c;
    strip.runs = params->kernel_h;
    strip.odd_zero = 2 * params->output_offset + 1;
    int8_t *window = (int8_t *)(windows + 2 * params->pairs);
    int32_t y = -(int32_t)params->pad_h;
    int32_t column = 0;
    for (int32_t left = (int32_t)params->out_h * params->out_w; left > 0;) {
        const int32_t x = column * params->stride_w - params->pad_w;
        int32_t pixels = inside(params, y, x);
        if (pixels > params->out_w - column) {
            pixels = params->out_w - column;
        }
        if (pixels >= 2) {
            pixels &= ~1;
            column += pixels;
            strip.from = input + y * line + x * params->in_c;
            strip.gap = params->dilation_h * line - strip.run;
            strip.widened = 2 * strip.runs;
        } else {
            /* At the border two pixels are a block of their own, in two rows even. */
            pixels = left < 2 ? left : 2;
            for (int32_t k = 0; k < pixels; ++k) {
                if (column == params->out_w) {
                    column = 0;
                    y += params->stride_h;
                }
                widen(params, input, y, column * params->stride_w - params->pad_w, window, &strip,
                      windows + k);
                ++column;
            }
            strip.widened = 0;
        }
        if (column == params->out_w) {
            column = 0;
            y += params->stride_h;
        }
        strip.windows = windows;
        strip.output = output;
        strip.end = output + params->out_c;
        strip.second = pixels < 2 ? 0 : params->out_c;
        strip.blocks = (pixels + 1) / 2;
        nonn_strip_run(&strip);
        if (params->activation_min != INT8_MIN || params->activation_max != INT8_MAX) {
            nonn_clamp_run(output, pixels * params->out_c, params->activation_min,
                           params->activation_max);
        }
        output += pixels * params->out_c;
        left -= pixels;
    }
}

#endif
