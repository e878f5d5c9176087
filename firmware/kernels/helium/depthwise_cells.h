/* How depthwise_helium.c fills its cells. */
#ifndef NONN_HELIUM_DEPTHWISE_CELLS_H
#define NONN_HELIUM_DEPTHWISE_CELLS_H

#include <stdint.h>

/* What rows of cells are made of: four rows of the image with stride 1, three with 2, each two rows
 * on from those of the row of cells before. */
typedef struct {
    const int8_t *input; /* the group's channels of the first pixel */
    int32_t row_bytes, pixel_bytes, height;
    /* Stride 1: rows that the last row of cells begins higher, 0 or 1. Stride 2: what is behind the
     * pairs of outputs, 2 for half of one, plus 1 for a last even column. */
    int32_t odd;
    const int8_t *padding;
    uint32_t columns; /* with stride 2 pairs of outputs */
    int32_t gap;      /* bytes from a row of cells to the next, with stride 1 from its end */
    uint32_t lanes;   /* predicate of the group's channels */
    /* Stride 1: a row of other cells that is the first row, at each fourth byte, or 0. Stride 2:
     * the padding if the first column is that, or 0. */
    const int8_t *before;
} nonn_depthwise_rows;

/* Fill `count` rows of cells, the first of them from the row `y` on. The first takes `before` away.
 */
void nonn_depthwise_cells(nonn_depthwise_rows *rows, int32_t y, uint32_t count, int8_t *cells);
void nonn_depthwise_half_cells(nonn_depthwise_rows *rows, int32_t y, uint32_t count, int8_t *cells);

#endif
