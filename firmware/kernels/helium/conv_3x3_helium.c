#include "nonn/kernels/conv_3x3_helium.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <string.h>

#include "conv_3x3_sums.h"
#include "panel.h"

/* The rows of the image that the tiles of a row need, each in slot (row + pad_h) % 3, padded:
 * [slice][column][16]. */
typedef struct {
    int8_t *slots;
    uint32_t slice; /* bytes */
    uint32_t slot;
    uint32_t slices;
    const int8_t *input; /* of the next row */
    int32_t next;        /* which one that is; -pad_h at first, when all slots are padding */
} ring;

/* Copies vectors, `pitch` bytes apart, to where they follow each other. */
static inline void copy(int8_t *to, const int8_t *from, uint32_t pitch, uint32_t count) {
    if (pitch == 16) {
        __asm volatile(
            "dlstp.8 lr, %2\n"
            "1:\n"
            "vldrb.u8 q0, [%1], #16\n"
            "vstrb.8 q0, [%0], #16\n"
            "letp lr, 1b\n"
            : "+r"(to), "+r"(from)
            : "r"(16 * count)
            : "lr", "q0", "memory");
        return;
    }
    __asm volatile(
        "dls lr, %2\n"
        "1:\n"
        "vldrw.u32 q0, [%1]\n"
        "add %1, %1, %3\n"
        "vstrw.32 q0, [%0], #16\n"
        "le lr, 1b\n"
        : "+r"(to), "+r"(from)
        : "r"(count), "r"(pitch)
        : "lr", "q0", "memory");
}

/* Six columns of each of a tile's rows, `slices` times; these lie `pitch` bytes apart. */
static void copy_steps(int8_t *step, const int8_t *const rows[3], uint32_t slices, uint32_t pitch) {
    const int8_t *first = rows[0], *second = rows[1], *third = rows[2];
    __asm volatile(
        ".macro nonn_3x3_copy from, to\n"
        "vldrw.u32 q0, [\\from]\n"
        "vldrw.u32 q1, [\\from, #16]\n"
        "vstrw.32 q0, [%0, #\\to]\n"
        "vldrw.u32 q0, [\\from, #32]\n"
        "vstrw.32 q1, [%0, #\\to + 16]\n"
        "vldrw.u32 q1, [\\from, #48]\n"
        "vstrw.32 q0, [%0, #\\to + 32]\n"
        "vldrw.u32 q0, [\\from, #64]\n"
        "vstrw.32 q1, [%0, #\\to + 48]\n"
        "vldrw.u32 q1, [\\from, #80]\n"
        "vstrw.32 q0, [%0, #\\to + 64]\n"
        "vstrw.32 q1, [%0, #\\to + 80]\n"
        "add \\from, \\from, %5\n"
        ".endm\n"
        "dls lr, %4\n"
        "1:\n"
        "nonn_3x3_copy %1, 0\n"
        "nonn_3x3_copy %2, 96\n"
        "nonn_3x3_copy %3, 192\n"
        "add %0, %0, #288\n"
        "le lr, 1b\n"
        ".purgem nonn_3x3_copy\n"
        : "+r"(step), "+r"(first), "+r"(second), "+r"(third)
        : "r"(slices), "r"(pitch)
        : "lr", "q0", "q1", "memory");
}

/* The same for nine columns. */
static void copy_wide_steps(int8_t *step, const int8_t *const rows[3], uint32_t slices,
                            uint32_t pitch) {
    for (uint32_t at = 0; at < slices * pitch; at += pitch) {
        for (uint32_t ky = 0; ky < 3; ++ky, step += NONN_CONV_3X3_WIDE_STEP) {
            copy(step, rows[ky] + at, 16, 9);
        }
    }
}

/* Takes rows up to `last` to their slots. */
static void take(const nonn_conv_3x3_helium_params *params, ring *rows, int32_t last) {
    for (; rows->next <= last; ++rows->next) {
        int8_t *to = rows->slots + (uint32_t)(rows->next + params->pad_h) % 3 * rows->slot;
        if (rows->next >= params->in_h) {
            nonn_helium_set(to, params->zero_point, rows->slot);
        } else if (rows->next >= 0) {
            const int8_t *from = rows->input;
            to += params->pad_w * 16;
            for (uint32_t slice = 0; slice < rows->slices; ++slice, from += 16, to += rows->slice) {
                copy(to, from, params->in_c, params->used_w);
            }
            rows->input += params->in_w * params->in_c;
        }
    }
}

void nonn_conv_3x3_helium(const nonn_conv_3x3_helium_params *params, const int8_t *input,
                          int8_t *output, void *scratch) {
    const uint32_t slices = params->in_c / 16u;
    const nonn_helium_filters filters = {
        params->out_c,          (uint16_t)(9 * slices), params->output_offset,
        params->activation_min, params->activation_max, params->scale,
        params->weights,        params->constants,
    };
    nonn_helium_tiles tiles;
    nonn_helium_begin(&tiles, &filters, params->at_once, scratch, output);
    nonn_helium_walk *walk = &tiles.walk;
    const int wide = params->stride == 2;
    const int direct = slices == 1;
    const uint32_t step = wide ? NONN_CONV_3X3_WIDE_STEP : NONN_CONV_3X3_STEP;
    const uint32_t panel_bytes = direct ? 0 : 3 * step * slices;
    const uint32_t slice = 16u * params->columns;
    ring rows = {tiles.panel + panel_bytes, slice, slices * slice, slices, input, -params->pad_h};
    nonn_helium_set(rows.slots, params->zero_point, 3 * rows.slot);
    static nonn_helium_code *const sums[2][2] = {
        {nonn_conv_3x3_sum_steps, nonn_conv_3x3_sum_wide_steps},
        {nonn_conv_3x3_sum_rows, nonn_conv_3x3_sum_wide_rows}};
    walk->sum = sums[direct][wide];
    walk->step = wide ? 128 : 64;
    for (int32_t y = 0; y < params->out_h; ++y) {
        const int32_t top = y * params->stride - params->pad_h;
        take(params, &rows, top + 2);
        const int8_t *row[3];
        for (int32_t ky = 0; ky < 3; ++ky) {
            row[ky] = rows.slots + (uint32_t)(y * params->stride + ky) % 3 * rows.slot;
        }
        for (uint32_t left = params->out_w; left > 0;) {
            /* The last tile begins over the end of the one before it. */
            const uint32_t over = left < 4 ? 4 - left : 0;
            const uint32_t x = params->out_w - left - over;
            const uint32_t from = 16 * params->stride * x;
            const uint32_t count = direct && left >= 4 ? left / 4 : 1;
            const int8_t *const at[3] = {row[0] + from, row[1] + from, row[2] + from};
            tiles.output -= over * params->out_c;
            if (direct) {
                memcpy(walk->at, at, sizeof at);
            } else {
                (wide ? copy_wide_steps : copy_steps)(tiles.panel, at, slices, slice);
                walk->at[1] = (uint32_t)tiles.panel;
                walk->at[2] = slices - 1;
            }
            nonn_helium_tiles_run(&tiles, count);
            left -= 4 * count - over;
        }
    }
}

#endif
