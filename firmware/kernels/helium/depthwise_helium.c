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
    int32_t height, row_bytes, pixel_bytes;
    mve_pred16_t lanes; /* of the group's channels */
} image;

/* Four rows of the image from `y` on. */
static inline void rows_from(const image *from, int32_t y, nonn_depthwise_row *rows) {
    const int32_t row_bytes = from->row_bytes, step = from->pixel_bytes;
    const int8_t *pixel = from->input + y * row_bytes;
    if (y >= 0 && y + 4 <= from->height) {
        rows[0] = (nonn_depthwise_row){pixel, step};
        rows[1] = (nonn_depthwise_row){pixel += row_bytes, step};
        rows[2] = (nonn_depthwise_row){pixel += row_bytes, step};
        rows[3] = (nonn_depthwise_row){pixel += row_bytes, step};
        return;
    }
    for (const int32_t last = y + 4; y < last; ++y, ++rows, pixel += row_bytes) {
        const bool inside = (uint32_t)y < (uint32_t)from->height;
        *rows = (nonn_depthwise_row){inside ? pixel : from->padding, inside ? step : 0};
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

/* Rows of cells of stride 1. */
static void fill_whole(const image *from, int32_t y, int32_t count, int8_t *cells,
                       const int8_t *before) {
    const nonn_depthwise_helium_params *params = from->params;
    const int32_t padded = params->pad_h, pitch = params->pitch * CELL;
    nonn_depthwise_rows rows;
    rows.columns = params->in_w;
    rows.next_row = from->row_bytes;
    rows.gap = pitch - params->in_w * CELL;
    cells += params->pad_w * CELL;
    /* An odd last row of outputs comes with the one before it. */
    const int32_t odd = y + 2 * count > params->out_h ? 1 : 0;
    while (count > 0) {
        const int32_t start = y - padded - (count == 1 ? odd : 0);
        rows_from(from, start, rows.row);
        int32_t made = 1;
        if (before != 0 && padded != 0) {
            /* The last row of outputs of the tile before is the first one of inputs here. */
            rows.row[0] = (nonn_depthwise_row){before + params->pad_w * CELL + 2, CELL};
            rows.count = 1;
            nonn_depthwise_next_cells(&rows, cells, from->lanes);
        } else {
            if (start >= 0) {
                /* All rows that lie within the image. */
                const int32_t within = (from->height - 2 - start) / 2;
                const int32_t most = within < count - odd ? within : count - odd;
                made = most > 1 ? most : 1;
            }
            rows.count = (uint32_t)made;
            nonn_depthwise_cells(&rows, cells, from->lanes);
        }
        before = 0;
        y += 2 * made;
        count -= made;
        cells += made * pitch;
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
    fill_whole(from, y, count, cells, before);
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
    nonn_depthwise_work work;
    work.sums = (int32_t *)(void *)(cells + bytes) + 3 * pixels;
    work.cells = cells;
    work.kind = params->kind;
    work.weights = params->weights + 4;
    work.constants = params->constants;
    work.params = params;
    for (int32_t group = 0; group < channels; group += GROUP) {
        const int32_t lanes = channels - group < GROUP ? channels - group : GROUP;
        const image from = {
            params,   input + group,          padding, params->in_h, params->in_w * channels,
            channels, vctp8q((uint32_t)lanes)};
        const int8_t *before = 0;
        int32_t count = params->first_rows;
        work.weights_end = work.weights + 16 * lanes;
        for (int32_t y = 0; y < params->out_h; y += count * outputs, count = params->rows) {
            const bool last = y + count * outputs >= params->out_h;
            uint32_t units = last     ? params->last_units
                             : y == 0 ? params->first_units
                                      : params->units;
            work.unit = last ? params->last : y == 0 ? params->first : params->middle;
            fill(&from, y, count, cells, before);
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
        work.weights = work.weights_end;
        work.constants = work.constants_end;
    }
}

#endif
