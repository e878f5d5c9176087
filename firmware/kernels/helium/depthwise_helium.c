#include "nonn/kernels/depthwise_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <stdbool.h>
#include <string.h>

#include "depthwise_sums.h"

#define GROUP 16 /* channels of a cell */
#define CELL 64  /* bytes: four of each channel */

/* A row of the image as cells want it: one pixel's channels after the other. */
typedef struct {
    const int8_t *pixel;
    int32_t step; /* 0: the padding's value, all along the row */
} row;

typedef struct {
    const nonn_depthwise_helium_params *params;
    const int8_t *input; /* the group's channels of the first pixel */
    const int8_t *padding;
    mve_pred16_t lanes; /* of the group's channels */
} image;

static row row_of(const image *from, int32_t y) {
    const nonn_depthwise_helium_params *params = from->params;
    if (y < 0 || y >= params->in_h) {
        return (row){from->padding, 0};
    }
    return (row){from->input + y * params->in_w * params->channels, params->channels};
}

/* A row of cells of stride 1, from the row `y` of the image on. `before`: that row comes from the
 * cells there, whose third row it was. */
static void fill_whole(const image *from, int32_t y, int8_t *cell, const int8_t *before) {
    const mve_pred16_t lanes = from->lanes;
    const uint8x16_t fourth = vshlq_n_u8(vidupq_n_u8(0, 1), 2);
    row a = row_of(from, y), b = row_of(from, y + 1), c = row_of(from, y + 2),
        d = row_of(from, y + 3);
    for (int32_t x = from->params->in_w; x > 0; --x) {
        int8x16x4_t rows;
        if (before != 0) {
            rows.val[0] = vldrbq_gather_offset_s8(before, fourth);
            before += CELL;
        } else {
            rows.val[0] = vldrbq_z_s8(a.pixel, lanes);
            a.pixel += a.step;
        }
        rows.val[1] = vldrbq_z_s8(b.pixel, lanes);
        rows.val[2] = vldrbq_z_s8(c.pixel, lanes);
        rows.val[3] = vldrbq_z_s8(d.pixel, lanes);
        b.pixel += b.step;
        c.pixel += c.step;
        d.pixel += d.step;
        vst4q_s8(cell, rows);
        cell += CELL;
    }
}

/* A row of cells of stride 2. The even columns begin in the padding where there is some. */
static void fill_half(const image *from, int32_t y, int8_t *cell) {
    const mve_pred16_t lanes = from->lanes;
    row a = row_of(from, y), b = row_of(from, y + 1), c = row_of(from, y + 2);
    const int32_t out_w = from->params->out_w;
    const bool padded = from->params->pad_w != 0;
    const int8_t *even_a = padded ? from->padding : a.pixel;
    const int8_t *even_b = padded ? from->padding : b.pixel;
    const int8_t *even_c = padded ? from->padding : c.pixel;
    if (!padded) {
        a.pixel += a.step;
        b.pixel += b.step;
        c.pixel += c.step;
    }
    for (int32_t x = 0; x < out_w; x += 2) {
        int8x16x4_t odd, even;
        for (int32_t half = 0; half < 2; ++half) {
            even.val[0] = vldrbq_z_s8(even_a, lanes);
            even.val[1] = vldrbq_z_s8(even_b, lanes);
            even.val[2] = vldrbq_z_s8(even_c, lanes);
            even.val[3] = vldrbq_z_s8(c.pixel, lanes);
            odd.val[2 * half] = vldrbq_z_s8(a.pixel, lanes);
            odd.val[2 * half + 1] = vldrbq_z_s8(b.pixel, lanes);
            vst4q_s8(cell + half * CELL, even);
            even_a = a.pixel + a.step;
            even_b = b.pixel + b.step;
            even_c = c.pixel + c.step;
            a.pixel = even_a + a.step;
            b.pixel = even_b + b.step;
            c.pixel = even_c + c.step;
        }
        vst4q_s8(cell + 2 * CELL, odd);
        cell += 3 * CELL;
    }
    if (2 * out_w - padded < from->params->in_w) {
        int8x16x4_t last;
        last.val[0] = vldrbq_z_s8(even_a, lanes);
        last.val[1] = vldrbq_z_s8(even_b, lanes);
        last.val[2] = vldrbq_z_s8(even_c, lanes);
        last.val[3] = last.val[2];
        vst4q_s8(cell, last);
    }
}

/* The tile whose first row of cells is `first`. */
static void fill(const image *from, int32_t first, int32_t rows, int8_t *cells) {
    const nonn_depthwise_helium_params *params = from->params;
    if (params->kind == NONN_DEPTHWISE_HELIUM_HALF) {
        for (int32_t r = 0; r < rows; ++r) {
            fill_half(from, 2 * (first + r) - params->pad_h, cells);
            cells += params->pitch * CELL;
        }
        return;
    }
    const int32_t pitch = params->pitch * CELL;
    cells += params->pad_w * CELL;
    /* With padding above, a tile's last row of outputs is also the next one's first of inputs. */
    const bool overwritten = first > 0 && params->pad_h > 0;
    for (int32_t r = 0; r < rows; ++r) {
        const int8_t *before =
            overwritten && r == 0 ? cells + (params->tile_rows - 1) * pitch + 2 : 0;
        fill_whole(from, 2 * (first + r) - params->pad_h, cells + r * pitch, before);
    }
}

/* Four channels of `units`, from the cells of the first on. */
static void run(const nonn_depthwise_helium_params *params, nonn_depthwise_work work,
                const int32_t *constants, uint32_t units, int8_t *output) {
    while (units > 0) {
        work.units = units < params->chunk ? units : params->chunk;
        nonn_depthwise_sums[params->kind](&work);
        if (params->scale != 0) {
            nonn_depthwise_scaled_outputs(&work, constants, output, params->scale);
        } else {
            nonn_depthwise_outputs(&work, constants, output, params);
        }
        work.unit += NONN_DEPTHWISE_HELIUM_UNIT * work.units;
        units -= work.units;
    }
}

void nonn_depthwise_helium(const nonn_depthwise_helium_params *params, const int8_t *input,
                           int8_t *output, void *scratch) {
    const int32_t channels = params->channels;
    const int32_t in_bytes = params->in_h * params->in_w * channels;
    const int32_t out_row = params->out_w * channels;
    if (output < input && output + params->out_h * out_row > input) {
        /* A group's outputs must lie over its own inputs. */
        memmove(output, input, (size_t)in_bytes);
        input = output;
    }
    int8_t *cells = scratch;
    const uint32_t bytes = CELL * params->cells;
    int8_t *padding = cells + bytes + 192u * params->chunk;
    memset(cells, params->zero_point, bytes);
    memset(padding, params->zero_point, GROUP);

    const bool half = params->kind == NONN_DEPTHWISE_HELIUM_HALF;
    const int32_t rows_out = half ? 1 : 2;
    const int32_t rows = (params->out_h + rows_out - 1) / rows_out;
    const int32_t words = params->scale != 0 ? 2 : 3;
    nonn_depthwise_work work = {.sums = (int32_t *)(void *)(cells + bytes)};
    for (int32_t group = 0; group < channels; group += GROUP) {
        const int32_t count = channels - group < GROUP ? channels - group : GROUP;
        const image from = {params, input + group, padding, vctp8q((uint32_t)count)};
        for (int32_t first = 0; first < rows; first += params->tile_rows) {
            const int32_t left = rows - first;
            const bool last = left <= params->tile_rows;
            fill(&from, first, last ? left : params->tile_rows, cells);
            for (int32_t c = 0; c < count; c += 4) {
                const int32_t *constants = params->constants + (group + c) * words;
                int8_t *to = output + first * rows_out * out_row + group + c;
                work.cells = cells + 4 * c;
                work.weights = params->weights + 9 * (group + c);
                work.second_row = 256;
                work.unit = last ? params->last_tile : params->tile;
                run(params, work, constants, last ? params->last_units : params->units, to);
                if (last) {
                    work.second_row = 1;
                    work.unit += NONN_DEPTHWISE_HELIUM_UNIT * params->last_units;
                    run(params, work, constants, params->last_halves, to);
                }
            }
        }
    }
}

#endif
