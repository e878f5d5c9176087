#include "nonn/kernels/depthwise_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <stdbool.h>

#include "depthwise_sums.h"

#define GROUP 16 /* channels of a cell */
#define CELL 64  /* bytes: four of each channel */

typedef struct {
    const nonn_depthwise_helium_params *params;
    const int8_t *input; /* the group's channels of the first pixel */
    const int8_t *padding;
    mve_pred16_t lanes; /* of the group's channels */
} image;

/* Four rows of the image from `y` on. */
static void rows_from(const image *from, int32_t y, nonn_depthwise_row *rows) {
    const uint32_t in_h = from->params->in_h;
    const int32_t step = from->params->channels;
    const int32_t pitch = from->params->in_w * step;
    const int8_t *pixel = from->input + y * pitch;
#pragma GCC unroll 4
    for (int32_t r = 0; r < 4; ++r, pixel += pitch) {
        const bool inside = (uint32_t)(y + r) < in_h;
        rows[r].pixel = inside ? pixel : from->padding;
        rows[r].step = inside ? step : 0;
    }
}

/* A row of cells of stride 1, from the row `y` of the image on. `before`: that row comes from the
 * cells there, whose third row it was. */
static void fill_whole(const image *from, int32_t y, int8_t *cells, const int8_t *before) {
    nonn_depthwise_row rows[4];
    rows_from(from, y, rows);
    if (before != 0) {
        rows[0] = (nonn_depthwise_row){before, CELL};
        nonn_depthwise_next_cells(rows, cells, from->params->in_w, from->lanes);
    } else {
        nonn_depthwise_cells(rows, cells, from->params->in_w, from->lanes);
    }
}

/* A cell of stride 2: the column `x` of three rows, and of the third one `beyond` columns on. */
static void fill_column(const nonn_depthwise_row *row, int32_t x, int32_t beyond,
                        mve_pred16_t lanes, int8_t *cell) {
    int8x16x4_t rows;
    for (int32_t r = 0; r < 3; ++r) {
        rows.val[r] = vldrbq_z_s8(row[r].pixel + row[r].step * x, lanes);
    }
    rows.val[3] = vldrbq_z_s8(row[2].pixel + row[2].step * (x + beyond), lanes);
    vst4q_s8(cell, rows);
}

/* A row of cells of stride 2. */
static void fill_pairs(const image *from, int32_t y, int8_t *cells) {
    const int32_t padded = from->params->pad_w;
    const int32_t out_w = from->params->out_w;
    nonn_depthwise_row row[4];
    nonn_depthwise_pairs pairs;
    rows_from(from, y, row);
    for (int32_t r = 0; r < 3; ++r) {
        pairs.step[r] = row[r].step;
        pairs.even[r] = padded ? from->padding : row[r].pixel;
        pairs.odd[r] = padded ? row[r].pixel : row[r].pixel + row[r].step;
    }
    nonn_depthwise_half_cells(&pairs, cells, (uint32_t)out_w / 2, from->lanes);
    /* Behind the pairs: half of one, where the width is odd, and the last even column. */
    cells += out_w / 2 * 3 * CELL;
    int32_t x = out_w / 2 * 4 - padded;
    if (out_w % 2 != 0) {
        fill_column(row, x, 1, from->lanes, cells);
        const nonn_depthwise_row odd[3] = {row[0], row[1], row[0]};
        fill_column(odd, x + 1, 0, from->lanes, cells + 2 * CELL);
        cells += CELL;
        x += 2;
    }
    if (x < from->params->in_w) {
        fill_column(row, x, 0, from->lanes, cells);
    }
}

/* A tile: `count` rows of cells from the output row `y` on. `before`: the last row of cells of the
 * tile before. */
static void fill(const image *from, int32_t y, int32_t count, int8_t *cells, const int8_t *before) {
    const nonn_depthwise_helium_params *params = from->params;
    const int32_t pitch = params->pitch * CELL;
    if (params->stride == 2) {
        for (; count > 0; --count, cells += pitch) {
            fill_pairs(from, 2 * y++ - params->pad_h, cells);
        }
        return;
    }
    /* With padding above, a tile's last row of outputs is also the next one's first of inputs. */
    before = params->pad_h != 0 && before != 0 ? before + params->pad_w * CELL + 2 : 0;
    cells += params->pad_w * CELL;
    for (; count > 0; --count, y += 2, cells += pitch) {
        const int32_t start = y + 2 > params->out_h ? y - 1 : y;
        fill_whole(from, start - params->pad_h, cells, before);
        before = 0;
    }
}

static void set(int8_t *at, uint32_t bytes, int8_t value) {
    const int8x16_t values = vdupq_n_s8(value);
    for (; bytes > 0; bytes -= 16, at += 16) {
        vstrbq_s8(at, values);
    }
}

/* To a lower address: each load comes before the stores that reach what it loads. */
static void move(int8_t *to, const int8_t *from, int32_t bytes) {
    for (; bytes > 0; bytes -= 16, to += 16, from += 16) {
        const mve_pred16_t lanes = vctp8q((uint32_t)bytes);
        vstrbq_p_s8(to, vldrbq_z_s8(from, lanes), lanes);
    }
}

/* Four channels of the units of a tile. Returns the constants behind theirs. */
static const int32_t *run(const nonn_depthwise_helium_params *params, nonn_depthwise_work *work,
                          uint32_t units, const int32_t *constants, int8_t *output) {
    const int32_t scale = *constants++;
    for (;;) {
        work->units = units < params->chunk ? units : params->chunk;
        nonn_depthwise_sums[params->kind](work);
        if (scale != 0) {
            nonn_depthwise_scaled_outputs(work, constants, output, scale);
        } else {
            nonn_depthwise_outputs(work, constants, output, params);
        }
        units -= work->units;
        if (units == 0) {
            return constants + (scale != 0 ? 8 : 12);
        }
        work->unit += NONN_DEPTHWISE_HELIUM_UNIT * work->units;
    }
}

void nonn_depthwise_helium(const nonn_depthwise_helium_params *params, const int8_t *input,
                           int8_t *output, void *scratch) {
    const int32_t channels = params->channels;
    const int32_t in_bytes = params->in_h * params->in_w * channels;
    const int32_t out_row = params->out_w * channels;
    if (channels > GROUP && output < input && output + params->out_h * out_row > input) {
        /* A group's outputs must lie over its own inputs. */
        move(output, input, in_bytes);
        input = output;
    }
    int8_t *cells = scratch;
    const uint32_t bytes = CELL * params->cells;
    int8_t *padding = cells + bytes + 192u * params->chunk;
    set(cells, bytes, (int8_t)params->zero_point);
    set(padding, GROUP, (int8_t)params->zero_point);

    const int32_t outputs = params->stride == 2 ? 1 : 2;
    const int32_t *constants = params->constants;
    nonn_depthwise_work work = {.sums = (int32_t *)(void *)(cells + bytes)};
    for (int32_t group = 0; group < channels; group += GROUP) {
        const int32_t lanes = channels - group < GROUP ? channels - group : GROUP;
        const image from = {params, input + group, padding, vctp8q((uint32_t)lanes)};
        const int32_t *behind = constants;
        const int8_t *before = 0;
        int32_t count = params->first_rows;
        for (int32_t y = 0; y < params->out_h; y += count * outputs, count = params->rows) {
            const bool last = y + count * outputs >= params->out_h;
            const uint32_t units = last     ? params->last_units
                                   : y == 0 ? params->first_units
                                            : params->units;
            const uint16_t *table = last ? params->last : y == 0 ? params->first : params->middle;
            fill(&from, y, count, cells, before);
            before = cells + (count - 1) * params->pitch * CELL;
            work.cells = cells;
            work.weights = params->weights + 12 * group;
            behind = constants;
            for (int32_t c = group; c < group + lanes; c += 4) {
                work.unit = table;
                behind = run(params, &work, units, behind, output + y * out_row + c);
                work.cells += 16;
                work.weights += 48;
            }
        }
        constants = behind;
    }
}

#endif
