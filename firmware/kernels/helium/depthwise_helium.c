#include "nonn/kernels/depthwise_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <stdbool.h>

#include "depthwise_cells.h"
#include "depthwise_sums.h"

#define GROUP 16 /* channels of a cell */

/* Bytes of a cell: four of each channel. */
static int32_t cell_bytes(const nonn_depthwise_helium_params *params) {
    return params->kind == NONN_DEPTHWISE_HELIUM_NARROW ? 32 : 64;
}

/* A tile: `count` rows of cells from the output row `y` on. `before`: the last row of cells of the
 * tile before. */
static void fill(const nonn_depthwise_helium_params *params, nonn_depthwise_rows *from, int32_t y,
                 int32_t count, int8_t *cells, const int8_t *before) {
    const int32_t start = params->pad_w * cell_bytes(params);
    if (params->stride == 2) {
        nonn_depthwise_half_cells(from, 2 * y - params->pad_h, (uint32_t)count, cells);
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
    const int32_t cell = cell_bytes(params);
    const uint32_t bytes = (uint32_t)cell * params->cells;
    int8_t *padding = cells + bytes + 16 * NONN_DEPTHWISE_HELIUM_PIXELS(params->kind);
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
    from.gap = (params->pitch - params->in_w) * cell;
    if (cell == 32) { /* two pixels fill a vector */
        from.pixel_bytes = GROUP;
        from.columns = params->in_w / 2;
    }
    if (params->stride == 2) {
        const int32_t pairs = params->out_w / 2, half = params->out_w % 2;
        from.columns = (uint32_t)pairs;
        from.gap = params->pitch * cell;
        from.before = params->pad_w != 0 ? padding : 0;
        from.odd = 2 * half + (2 * (2 * pairs + half) - params->pad_w < params->in_w);
    }
    const uint32x4_t columns = vmulq_n_u32(vidupq_n_u32(0, 1), (uint32_t)cell);
    const uint32x4_t odd_last = {0, 64, 192, 128};
    nonn_depthwise_work work;
    work.sums = (int32_t *)(void *)(cells + bytes);
    work.kind = params->kind;
    work.weights = params->weights + 4;
    work.constants = params->constants;
    work.patch = vaddq_n_u32(params->stride == 2 ? odd_last : columns, (uint32_t)cells - 4);
    work.params = params;
    for (int32_t group = 0; group < channels; group += GROUP) {
        const int32_t lanes = channels - group < GROUP ? channels - group : GROUP;
        from.lanes = vctp8q((uint32_t)(cell == 32 ? GROUP : lanes));
        work.quads = (uint32_t)lanes / 4;
        const int8_t *before = 0;
        const int32_t *behind = work.constants;
        int32_t count = params->first_rows;
        for (int32_t y = 0; y < params->out_h; y += count * outputs, count = params->rows) {
            const bool last = y + count * outputs >= params->out_h;
            work.units = last ? params->last_units : y == 0 ? params->first_units : params->units;
            work.unit = last ? params->last : y == 0 ? params->first : params->middle;
            work.output = output + y * out_row + group;
            fill(params, &from, y, count, cells, before);
            before = cells + (count - 1) * params->pitch * cell;
            behind = nonn_depthwise_run(&work);
        }
        from.input += GROUP;
        work.weights += 16 * lanes;
        work.constants = behind;
    }
}

#endif
