#include "nonn/kernels/depthwise_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <stdbool.h>

#include "depthwise_sums.h"

#define GROUP 16 /* channels of a cell */
#define CELL 64  /* bytes: four of each channel */

/* Three rows of the image from `y` on. */
static inline void rows_from(const nonn_depthwise_rows *from, int32_t y, nonn_depthwise_row *row) {
    for (int32_t r = 0; r < 3; ++r, ++y) {
        const bool inside = (uint32_t)y < (uint32_t)from->height;
        const int8_t *pixel = from->input + y * from->row_bytes;
        row[r] =
            (nonn_depthwise_row){inside ? pixel : from->padding, inside ? from->pixel_bytes : 0};
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
static void fill_pairs(const nonn_depthwise_helium_params *params, const nonn_depthwise_rows *from,
                       int32_t y, int8_t *cells) {
    const int32_t padded = params->pad_w;
    const int32_t out_w = params->out_w;
    const mve_pred16_t lanes = (mve_pred16_t)from->lanes;
    nonn_depthwise_row row[3];
    nonn_depthwise_pairs pairs;
    rows_from(from, y, row);
    for (int32_t r = 0; r < 3; ++r) {
        pairs.step[r] = row[r].step;
        pairs.even[r] = padded ? from->padding : row[r].pixel;
        pairs.odd[r] = padded ? row[r].pixel : row[r].pixel + row[r].step;
    }
    nonn_depthwise_half_cells(&pairs, cells, (uint32_t)out_w / 2, lanes);
    /* Behind the pairs: half of one, where the width is odd, and the last even column. */
    cells += out_w / 2 * 3 * CELL;
    int32_t x = out_w / 2 * 4 - padded;
    if (out_w % 2 != 0) {
        fill_column(row, x, 1, lanes, cells);
        const nonn_depthwise_row odd[3] = {row[0], row[1], row[0]};
        fill_column(odd, x + 1, 0, lanes, cells + 2 * CELL);
        cells += CELL;
        x += 2;
    }
    if (x < params->in_w) {
        fill_column(row, x, 0, lanes, cells);
    }
}

/* A tile: `count` rows of cells from the output row `y` on. `before`: the last row of cells of the
 * tile before. */
static void fill(const nonn_depthwise_helium_params *params, nonn_depthwise_rows *from, int32_t y,
                 int32_t count, int8_t *cells, const int8_t *before) {
    const int32_t row = params->pitch * CELL, start = params->pad_w * CELL;
    if (params->stride == 2) {
        for (y = 2 * y - params->pad_h; count > 0; --count, cells += row, y += 2) {
            fill_pairs(params, from, y, cells);
        }
        return;
    }
    /* The last row of outputs of the tile before is the first one of inputs here. */
    from->before = before != 0 && params->pad_h != 0 ? before + start + 2 : 0;
    from->odd = y + 2 * count > params->out_h;
    nonn_depthwise_cells(from, y - params->pad_h, (uint32_t)count, cells + start);
}

static void set(int8_t *at, uint32_t bytes, int8_t value) {
    const int8x16_t values = vdupq_n_s8(value);
    for (; bytes > 0; bytes -= 16, at += 16) {
        vstrbq_s8(at, values);
    }
}

/* To a lower address: each load comes before the stores that reach what it loads. */
static void move(int8_t *to, const int8_t *from, int32_t bytes) {
    for (int32_t blocks = bytes / 16; blocks > 0; --blocks, to += 16, from += 16) {
        vstrbq_s8(to, vldrbq_s8(from));
    }
    const mve_pred16_t rest = vctp8q((uint32_t)bytes % 16);
    vstrbq_p_s8(to, vldrbq_z_s8(from, rest), rest);
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
    const uint32_t pixels = NONN_DEPTHWISE_HELIUM_PIXELS(params->kind);
    const uint32_t table = NONN_DEPTHWISE_HELIUM_FROM(params->kind) + pixels;
    int8_t *padding = cells + bytes + 16 * pixels * params->chunk;
    set(cells, bytes, (int8_t)params->zero_point);
    set(padding, GROUP, (int8_t)params->zero_point);

    const int32_t outputs = params->stride == 2 ? 1 : 2;
    nonn_depthwise_rows from;
    from.input = input;
    from.row_bytes = params->in_w * channels;
    from.pixel_bytes = channels;
    from.height = params->in_h;
    from.padding = padding;
    from.columns = params->in_w;
    from.gap = (params->pitch - params->in_w) * CELL;
    nonn_depthwise_work work;
    work.sums = (int32_t *)(void *)(cells + bytes) + 3 * pixels;
    work.cells = cells;
    work.kind = params->kind;
    work.weights = params->weights + 4;
    work.constants = params->constants;
    work.params = params;
    for (int32_t group = 0; group < channels; group += GROUP) {
        const int32_t lanes = channels - group < GROUP ? channels - group : GROUP;
        from.lanes = vctp8q((uint32_t)lanes);
        const int8_t *before = 0;
        int32_t count = params->first_rows;
        work.weights_end = work.weights + 16 * lanes;
        for (int32_t y = 0; y < params->out_h; y += count * outputs, count = params->rows) {
            const bool last = y + count * outputs >= params->out_h;
            uint32_t units = last     ? params->last_units
                             : y == 0 ? params->first_units
                                      : params->units;
            work.unit = last ? params->last : y == 0 ? params->first : params->middle;
            fill(params, &from, y, count, cells, before);
            before = cells + (count - 1) * params->pitch * CELL;
            for (; units > 0; units -= work.units) {
                work.units = units < params->chunk ? units : params->chunk;
                work.unit_back = 2 * table * work.units;
                work.sums_back = 16 * pixels * work.units + 4 * pixels;
                work.output = output + y * out_row + group;
                nonn_depthwise_run(&work);
                work.unit += table * work.units;
            }
        }
        from.input += GROUP;
        work.weights = work.weights_end;
        work.constants = work.constants_end;
    }
}

#endif
