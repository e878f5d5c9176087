#include "nonn/kernels/conv_columns_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include "nonn/kernels/helium_tile.h"
#include "panel.h"

/* Where the bytes of a row of the image go, 16 at a time. */
typedef struct {
    uint8x16_t offsets;
    uint32_t bytes; /* of the whole columns that 16 bytes hold; what lies behind comes again */
    uint32_t pitch; /* of the same laid out */
    uint32_t whole; /* times that 16 bytes of a row are moved, then */
    uint32_t rest;  /* fewer */
    uint32_t in_c;
} layout;

static layout layout_of(const nonn_conv_columns_helium_params *params) {
    const uint32_t column = (uint32_t)params->kernel_h * params->in_c;
    const uint32_t row = (uint32_t)params->used_w * params->in_c;
    const uint32_t columns = 16u / params->in_c;
    const uint32_t bytes = columns * params->in_c;
    const uint32_t whole = row < 16 ? 0 : (row - 16) / bytes + 1;
    uint8_t offsets[16];
    for (uint32_t i = 0; i < 16; ++i) {
        offsets[i] = (uint8_t)(i / params->in_c * column + i % params->in_c);
    }
    return (layout){vld1q_u8(offsets),   bytes,       columns * column, whole,
                    row - whole * bytes, params->in_c};
}

/* Lays out `rows` rows, `pitch` bytes apart; `step` is to->bytes, or 0 where both are: 16 bytes
 * over and over. Returns where the next row goes. */
static int8_t *lay_rows(const layout *to, int8_t *columns, const int8_t *from, uint32_t step,
                        uint32_t pitch, uint32_t rows) {
    if (rows == 0) {
        return columns;
    }
    __asm volatile(
        "vctp.8 %[rest]\n"
        "1:\n"
        "wls lr, %[whole], 3f\n"
        "2:\n"
        "vldrb.u8 q0, [%[from]]\n"
        "add %[from], %[from], %[step]\n"
        "vstrb.8 q0, [%[columns], %q[offsets]]\n"
        "add %[columns], %[columns], %[pitch]\n"
        "le lr, 2b\n"
        "3:\n"
        "vpstt\n"
        "vldrbt.u8 q0, [%[from]]\n"
        "vstrbt.8 q0, [%[columns], %q[offsets]]\n"
        "add %[from], %[from], %[next]\n"
        "sub %[columns], %[columns], %[back]\n"
        "subs %[rows], %[rows], #1\n"
        "bne 1b\n"
        : [columns] "+r"(columns), [from] "+r"(from), [rows] "+r"(rows)
        : [whole] "r"(to->whole), [rest] "r"(to->rest), [step] "r"(step), [pitch] "r"(to->pitch),
          [next] "r"(pitch - to->whole * step), [back] "r"(to->whole * to->pitch - to->in_c),
          [offsets] "w"(to->offsets)
        : "lr", "q0", "cc", "memory");
    return columns;
}

/* All that the outputs of row `y` need; what is left and right of the image stays as it was. */
static void lay(const nonn_conv_columns_helium_params *params, const layout *to,
                const int8_t *input, int32_t y, int8_t *columns) {
    const uint32_t pitch = (uint32_t)params->in_w * params->in_c;
    const int32_t rows = params->kernel_h;
    const int8x16_t values = vdupq_n_s8(params->zero_point);
    y = y * params->stride_h - params->pad_h;
    const int32_t above = y >= 0 ? 0 : -y < rows ? -y : rows;
    const int32_t room = params->in_h - y < rows ? params->in_h - y : rows;
    const int32_t inside = room > above ? room - above : 0;
    int8_t padding[16];
    vst1q_s8(padding, values);
    columns += params->pad_w * params->kernel_h * params->in_c;
    columns = lay_rows(to, columns, padding, 0, 0, (uint32_t)above);
    columns = lay_rows(to, columns, input + (y + above) * (int32_t)pitch, to->bytes, pitch,
                       (uint32_t)inside);
    (void)lay_rows(to, columns, padding, 0, 0, (uint32_t)(rows - above - inside));
}

/* The pixels of one row after the other. */
typedef struct {
    const nonn_conv_columns_helium_params *params;
    const int8_t *input;
    layout to;
    int8_t *columns; /* buffers for some rows, used in turn */
    uint32_t buffer;
    int32_t y;       /* of the row behind this one */
    uint32_t in_row; /* pixels to come */
    const int8_t *window;
} cursor;

static void next_row(cursor *at) {
    const nonn_conv_columns_helium_params *params = at->params;
    int8_t *columns = at->columns + at->buffer * params->columns_bytes;
    at->buffer = at->buffer + 1 < params->buffers ? at->buffer + 1 : 0;
    lay(params, &at->to, at->input, at->y++, columns);
    at->window = columns;
    at->in_row = params->out_w;
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
    nonn_helium_begin(&tiles, &filters, params->at_once, scratch, output);
    cursor at = {params, input, layout_of(params), tiles.panel, 0, 0, 0, 0};
    const int direct = NONN_HELIUM_DIRECT(chunks);
    if (direct) {
        nonn_helium_direct(&tiles);
        tiles.walk.step = 4 * step;
    } else {
        at.columns += NONN_HELIUM_CHUNK * chunks;
    }
    nonn_helium_set(at.columns, params->zero_point,
                    (uint32_t)params->buffers * params->columns_bytes);
    uint32_t left = (uint32_t)params->out_h * params->out_w;
    while (left > 0) {
        if (at.in_row == 0) {
            next_row(&at);
        }
        const uint32_t count = direct ? at.in_row / 4 : 0;
        if (count > 0) {
            const uint32_t window = (uint32_t)at.window;
            vst1q_u32(tiles.walk.at, vaddq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 1), step), window));
            nonn_helium_tiles_run(&tiles, count);
            at.window += 4 * count * step;
            at.in_row -= 4 * count;
            left -= 4 * count;
            continue;
        }
        const uint32_t last = left < 4 ? left - 1 : 3;
        const int8_t *window = at.window;
        for (uint32_t p = 0; p < 4; ++p) {
            if (p <= last && at.in_row == 0) {
                next_row(&at);
            }
            if (p <= last) {
                window = at.window;
                at.window += step;
                --at.in_row;
            }
            if (direct) {
                tiles.walk.at[p] = (uint32_t)window;
            } else {
                (void)nonn_helium_copy(tiles.panel + 16 * p, window, 16 * chunks);
            }
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
