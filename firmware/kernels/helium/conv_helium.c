#include "nonn/kernels/conv_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <string.h>

#include "nonn/kernels/helium_tile.h"
#include "panel.h"

/* One row of taps of the window that begins in column x of the image's row `row` (NULL: outside).
 */
static int8_t *take_row(const nonn_conv_helium_params *params, const int8_t *row, int32_t x,
                        int8_t *chunk) {
    for (uint32_t kx = 0; kx < params->kernel_w; ++kx, x += params->dilation_w) {
        chunk = row != 0 && x >= 0 && x < params->in_w
                    ? nonn_helium_copy(chunk, row + x * params->in_c, params->in_c)
                    : nonn_helium_fill(chunk, params->zero_point, params->in_c);
    }
    return chunk;
}

/* The same where taps that follow each other fill whole chunks. */
static int8_t *take_run(const nonn_conv_helium_params *params, const int8_t *row, int32_t x,
                        int8_t *chunk) {
    const int32_t taps = params->kernel_w;
    const int32_t first = x >= 0 ? 0 : x > -taps ? -x : taps;
    const int32_t room = params->in_w > x ? params->in_w - x : 0;
    const int32_t behind = row == 0 || room < first ? first : room < taps ? room : taps;
    const uint32_t bytes = params->in_c;
    chunk = nonn_helium_fill(chunk, params->zero_point, (uint32_t)first * bytes);
    if (behind > first) {
        chunk = nonn_helium_copy(chunk, row + (x + first) * params->in_c,
                                 (uint32_t)(behind - first) * bytes);
    }
    return nonn_helium_fill(chunk, params->zero_point, (uint32_t)(taps - behind) * bytes);
}

static const int8_t *row_at(const nonn_conv_helium_params *params, const int8_t *input, int32_t y) {
    return y >= 0 && y < params->in_h ? input + y * params->in_w * params->in_c : 0;
}

static void take_pixel(const nonn_conv_helium_params *params, const int8_t *input, int32_t y,
                       int32_t x, int runs, int8_t *chunk) {
    y = y * params->stride_h - params->pad_h;
    x = x * params->stride_w - params->pad_w;
    for (uint32_t ky = 0; ky < params->kernel_h; ++ky, y += params->dilation_h) {
        const int8_t *row = row_at(params, input, y);
        chunk = (runs ? take_run : take_row)(params, row, x, chunk);
    }
}

/* Four pixels of one row whose windows lie inside the image's columns. */
static void take_inside(const nonn_conv_helium_params *params, const int8_t *input, int32_t y,
                        int32_t column, int8_t *chunk) {
    const uint32_t bytes = (uint32_t)params->kernel_w * params->in_c;
    const uint32_t pitch = (uint32_t)params->stride_w * params->in_c;
    y = y * params->stride_h - params->pad_h;
    for (uint32_t ky = 0; ky < params->kernel_h; ++ky, y += params->dilation_h) {
        const int8_t *row = row_at(params, input, y);
        if (row != 0) {
            chunk = nonn_helium_copy_4(chunk, row + column * params->in_c, pitch, bytes);
        } else {
            chunk = nonn_helium_fill_4(chunk, params->zero_point, bytes);
        }
    }
}

/* Copies a tile's fields, `bytes` of each, to the panel: more is read behind them. */
static void take_fields(nonn_helium_tiles *tiles, uint32_t bytes) {
    int8_t *to = tiles->panel;
    for (uint32_t p = 0; p < 4; ++p, to += 16 * tiles->filters.chunks) {
        memcpy(to, (const int8_t *)tiles->walk.at[p], bytes);
        tiles->walk.at[p] = (uint32_t)to;
    }
}

/* Single pixels of few chunks: they serve where they lie. */
static void convolve_pixels(const nonn_conv_helium_params *params, const int8_t *input,
                            nonn_helium_tiles *tiles) {
    const uint32_t bytes = params->in_c, field = 16u * tiles->filters.chunks;
    const uint32_t pitch = params->stride_w * bytes;
    const uint32_t row_pitch = (uint32_t)params->stride_h * params->in_w * bytes;
    const uint32_t end = (uint32_t)input + params->in_h * params->in_w * bytes;
    /* Else outputs are written before all sums are known. */
    const int whole = params->out_c <= tiles->at_once && params->out_c % 4 == 0;
    uint32_t left = (uint32_t)params->out_h * params->out_w;
    uint32_t row = (uint32_t)input, at = row, in_row = params->out_w;
    tiles->walk.step = 4 * pitch;
    while (left > 0) {
        if (in_row == 0) {
            at = row += row_pitch;
            in_row = params->out_w;
        }
        uint32_t count = whole ? in_row / 4 : 0;
        while (count > 0 && at + (4 * count - 1) * pitch + field > end) {
            --count;
        }
        if (count > 0) {
            vst1q_u32(tiles->walk.at, vaddq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 1), pitch), at));
            nonn_helium_tiles_run(tiles, count);
            at += 4 * count * pitch;
            in_row -= 4 * count;
            left -= 4 * count;
        } else {
            const uint32_t last = left < 4 ? left - 1 : 3;
            uint32_t pixel = at;
            for (uint32_t p = 0; p < 4; ++p) {
                if (p <= last && in_row == 0) {
                    at = row += row_pitch;
                    in_row = params->out_w;
                }
                if (p <= last) {
                    pixel = at;
                    at += pitch;
                    --in_row;
                }
                tiles->walk.at[p] = pixel;
            }
            if (!whole || pixel + field > end) {
                take_fields(tiles, bytes);
            }
            nonn_helium_tile_part(tiles, last);
            left -= last + 1;
        }
    }
}

void nonn_conv_helium(const nonn_conv_helium_params *params, const int8_t *input, int8_t *output,
                      void *scratch) {
    const uint32_t chunks_per_tap = (params->in_c + 15u) / 16;
    const nonn_helium_filters filters = {
        params->out_c,          (uint16_t)(params->kernel_h * params->kernel_w * chunks_per_tap),
        params->output_offset,  params->activation_min,
        params->activation_max, params->scale,
        params->weights,        params->constants,
    };
    nonn_helium_tiles tiles;
    nonn_helium_begin(&tiles, &filters, params->at_once, scratch, output);
    if (params->direct) {
        nonn_helium_direct(&tiles);
        convolve_pixels(params, input, &tiles);
        return;
    }
    /* Where four windows begin and end in the image, and rows of taps are whole chunks. */
    const int runs = params->kernel_w == 1 || (params->in_c % 16 == 0 && params->dilation_w == 1);
    const int32_t reach = 3 * params->stride_w + params->kernel_w;
    uint32_t left = (uint32_t)params->out_h * params->out_w;
    int32_t y = 0, x = 0;
    while (left > 0) {
        const uint32_t last = left < 4 ? left - 1 : 3;
        const int32_t column = x * params->stride_w - params->pad_w;
        int8_t *panel = tiles.panel;
        if (runs && x + 4 <= params->out_w && column >= 0 && column + reach <= params->in_w) {
            take_inside(params, input, y, column, panel);
            x += 3;
        } else {
            for (uint32_t p = 0;; ++p) {
                take_pixel(params, input, y, x, runs, panel + 16 * p);
                if (p == 3) {
                    break;
                }
                if (p < last && ++x == params->out_w) {
                    x = 0;
                    ++y;
                }
            }
        }
        if (++x == params->out_w) {
            x = 0;
            ++y;
        }
        if (last < 3) {
            nonn_helium_tile_part(&tiles, last);
            return;
        }
        nonn_helium_tiles_run(&tiles, 1);
        left -= 4;
    }
}

#endif
