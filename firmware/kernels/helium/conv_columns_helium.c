#include "nonn/kernels/conv_columns_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <string.h>

#include "nonn/kernels/helium_tile.h"
#include "panel.h"

/* Where the bytes of a row of the image go: some whole columns at a time. */
typedef struct {
    uint8x16_t offsets; /* of 16 bytes of a row; what lies behind the columns comes again */
    uint32_t bytes;     /* of the columns that 16 bytes hold */
    uint32_t pitch;     /* of the same laid out */
} layout;

static layout layout_of(const nonn_conv_columns_helium_params *params) {
    const uint32_t column = (uint32_t)params->kernel_h * params->in_c;
    uint8_t offsets[16];
    for (uint32_t i = 0; i < 16; ++i) {
        offsets[i] = (uint8_t)(i / params->in_c * column + i % params->in_c);
    }
    const uint32_t columns = 16u / params->in_c;
    return (layout){vld1q_u8(offsets), columns * params->in_c, columns * column};
}

static void lay_row(const layout *to, int8_t *columns, const int8_t *row, uint32_t bytes) {
    /* The whole sixteens, in assembly since the compiler counts by hand. */
    const uint32_t whole = bytes < 16 ? 0 : (bytes - 16) / to->bytes + 1;
    bytes -= whole * to->bytes;
    __asm volatile(
        "wls lr, %2, 2f\n"
        "1:\n"
        "vldrb.u8 q0, [%1]\n"
        "add %1, %1, %3\n"
        "vstrb.8 q0, [%0, %q5]\n"
        "add %0, %0, %4\n"
        "le lr, 1b\n"
        "2:\n"
        : "+r"(columns), "+r"(row)
        : "r"(whole), "r"(to->bytes), "r"(to->pitch), "w"(to->offsets)
        : "lr", "q0", "memory");
    while (bytes > 0) {
        const mve_pred16_t there = vctp8q(bytes);
        vstrbq_scatter_offset_p_s8(columns, to->offsets, vldrbq_z_s8(row, there), there);
        row += to->bytes;
        columns += to->pitch;
        bytes -= bytes < to->bytes ? bytes : to->bytes;
    }
}

/* A row outside the image. */
static void lay_padding(const layout *to, int8_t *columns, int8_t value, uint32_t bytes) {
    const int8x16_t values = vdupq_n_s8(value);
    for (uint32_t done = 0; done < bytes; done += to->bytes) {
        const uint32_t left = bytes - done;
        vstrbq_scatter_offset_p_s8(columns, to->offsets, values, vctp8q(left));
        columns += to->pitch;
    }
}

/* All that the outputs of row `y` need; what is left and right of the image stays as it was. */
static void lay(const nonn_conv_columns_helium_params *params, const layout *to,
                const int8_t *input, int32_t y, int8_t *columns) {
    const uint32_t bytes = (uint32_t)params->used_w * params->in_c;
    columns += params->pad_w * params->kernel_h * params->in_c;
    y = y * params->stride_h - params->pad_h;
    for (uint32_t ky = 0; ky < params->kernel_h; ++ky, ++y, columns += params->in_c) {
        if (y >= 0 && y < params->in_h) {
            lay_row(to, columns, input + y * params->in_w * params->in_c, bytes);
        } else {
            lay_padding(to, columns, params->zero_point, bytes);
        }
    }
}

void nonn_conv_columns_helium(const nonn_conv_columns_helium_params *params, const int8_t *input,
                              int8_t *output, void *scratch) {
    const uint32_t column = (uint32_t)params->kernel_h * params->in_c;
    const uint32_t chunks = (params->kernel_w * column + 15) / 16;
    const uint32_t step = params->stride_w * column;
    const nonn_helium_filters filters = {
        params->out_c,          (uint16_t)chunks, params->output_offset, params->activation_min,
        params->activation_max, params->scale,    params->weights,       params->constants,
    };
    nonn_helium_tiles tiles;
    nonn_helium_begin(&tiles, &filters, params->tiles, scratch, output);
    int8_t *columns = tiles.panel + params->tiles * tiles.walk.pitch;
    memset(columns, params->zero_point, params->columns_bytes);
    const layout to = layout_of(params);
    uint32_t left = (uint32_t)params->out_h * params->out_w;
    int32_t y = 0;
    uint32_t in_row = 0; /* pixels of the row to come */
    const int8_t *window = columns;
    while (left > 0) {
        if (in_row == 0) {
            lay(params, &to, input, y++, columns);
            window = columns;
            in_row = params->out_w;
        }
        if (in_row >= 4) {
            const uint32_t room = tiles.most - tiles.waiting;
            const uint32_t count = in_row / 4 < room ? in_row / 4 : room;
            (void)nonn_helium_copy_tiles(tiles.panel, window, step, 16 * chunks, count);
            nonn_helium_add(&tiles, count);
            window += 4 * count * step;
            in_row -= 4 * count;
            left -= 4 * count;
            continue;
        }
        const uint32_t last = left < 4 ? left - 1 : 3;
        for (uint32_t p = 0; p < 4; ++p) {
            if (p <= last) {
                if (in_row == 0) {
                    lay(params, &to, input, y++, columns);
                    window = columns;
                    in_row = params->out_w;
                }
                window += step;
                --in_row;
            }
            (void)nonn_helium_copy(tiles.panel + 16 * p, window - step, 16 * chunks);
        }
        if (last < 3) {
            nonn_helium_add_part(&tiles, last);
            return;
        }
        nonn_helium_add(&tiles, 1);
        left -= 4;
    }
    nonn_helium_flush(&tiles);
}

#endif
