#include "nonn/kernels/conv_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "nonn/kernels/helium_tile.h"
#include "panel.h"

/* One row of taps of the window that begins in column x of the image's row `row` (NULL: outside).
 */
static int8_t *take_row(const nonn_conv_helium_params *params, const int8_t *row, int32_t x,
                        int8_t *chunk) {
    const uint32_t channels = params->in_c;
    if (channels % 16 == 0 && row != 0 && params->dilation_w == 1 && x >= 0 &&
        x + params->kernel_w <= params->in_w) {
        return nonn_helium_copy(chunk, row + x * (int32_t)channels, params->kernel_w * channels);
    }
    for (uint32_t kx = 0; kx < params->kernel_w; ++kx, x += params->dilation_w) {
        chunk = row != 0 && x >= 0 && x < params->in_w
                    ? nonn_helium_copy(chunk, row + x * (int32_t)channels, channels)
                    : nonn_helium_fill(chunk, params->zero_point, channels);
    }
    return chunk;
}

static void take_window(const nonn_conv_helium_params *params, const int8_t *input, int32_t y,
                        int32_t x, int8_t *chunk) {
    y = y * params->stride_h - params->pad_h;
    x = x * params->stride_w - params->pad_w;
    for (uint32_t ky = 0; ky < params->kernel_h; ++ky, y += params->dilation_h) {
        const int8_t *row =
            y >= 0 && y < params->in_h ? input + y * params->in_w * params->in_c : 0;
        chunk = take_row(params, row, x, chunk);
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
    int32_t *sums = scratch;
    int8_t *panel = (int8_t *)(sums + nonn_helium_sums(params->out_c));
    const uint32_t pixels = (uint32_t)params->out_h * params->out_w;
    int32_t y = 0, x = 0;
    for (uint32_t first = 0; first < pixels; first += 4) {
        for (uint32_t p = 0; p < 4; ++p) {
            take_window(params, input, y, x, panel + 16 * p);
            if (first + p + 1 < pixels && ++x == params->out_w) {
                x = 0;
                ++y;
            }
        }
        const uint32_t left = pixels - first;
        nonn_helium_tile(&filters, panel, sums, output, left < 4 ? left - 1 : 3);
        output += 4 * params->out_c;
    }
}

#endif
