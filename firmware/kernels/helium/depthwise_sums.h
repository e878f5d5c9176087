/* Inner loops of depthwise_helium.c. */
#ifndef NONN_HELIUM_DEPTHWISE_SUMS_H
#define NONN_HELIUM_DEPTHWISE_SUMS_H

#include <stdint.h>

#include "nonn/kernels/depthwise_helium.h"

/* What rows of cells of stride 1 are made of: each of four rows of the image, two rows on from the
 * one before. */
typedef struct {
    const int8_t *input; /* the group's channels of the first pixel */
    int32_t row_bytes, pixel_bytes, height;
    int32_t odd; /* rows that the last row of cells begins higher: 0 or 1 */
    const int8_t *padding;
    uint32_t columns;
    int32_t gap;    /* bytes from a row of cells to the next */
    uint32_t lanes; /* predicate of the group's channels */
    const int8_t
        *before; /* a row of other cells that is the first row, at each fourth byte, or 0 */
} nonn_depthwise_rows;

/* Fills `count` rows of cells, the first of them from the row `y` on; takes `before` away. */
void nonn_depthwise_cells(nonn_depthwise_rows *rows, int32_t y, uint32_t count, int8_t *cells);

/* A row of the image: one pixel's channels after the other, or always the same. */
typedef struct {
    const int8_t *pixel;
    int32_t step;
} nonn_depthwise_row;

/* Three rows for stride 2: where their even columns start, their odd ones, and their steps. */
typedef struct {
    const int8_t *even[3], *odd[3];
    int32_t step[3];
} nonn_depthwise_pairs;

/* Cells of stride 2: three for each two outputs. What is behind an odd column is the next even one,
 * whatever the first one was. */
void nonn_depthwise_half_cells(const nonn_depthwise_pairs *rows, int8_t *cells, uint32_t pairs,
                               uint32_t lanes);

typedef struct {
    int32_t *sums;    /* [units][4][pixels]; of the last of four channels, where the code begins */
    const void *code; /* the kind's; set by the function */
    uint32_t units;
    const uint16_t *unit; /* tables of units */
    uint32_t unit_back;   /* bytes of these tables */
    uint32_t sums_back;   /* bytes from behind a channel's sums to those of the channel before */
    const int8_t *cells;  /* of the first channel, as are weights, constants and output */
    uint32_t kind;
    const int8_t *weights; /* as in the layer, without the zeros that they begin with */
    int8_t *output;        /* of the tile's first pixel */
    const int32_t *constants;
    const int8_t *weights_end;
    const nonn_depthwise_helium_params *params;
    const int32_t *constants_end; /* set by the function */
} nonn_depthwise_work;

/* Some units of a tile for all channels of a group, four at a time. */
void nonn_depthwise_run(nonn_depthwise_work *work);

/* Outputs of four channels from sums where there is no scale; `constants` are three words each. */
void nonn_depthwise_outputs(const nonn_depthwise_work *work, const int32_t *constants,
                            int8_t *output);

#endif
