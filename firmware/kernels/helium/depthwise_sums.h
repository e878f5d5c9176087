/* Inner loops of depthwise_helium.c. */
#ifndef NONN_HELIUM_DEPTHWISE_SUMS_H
#define NONN_HELIUM_DEPTHWISE_SUMS_H

#include <stdint.h>

#include "nonn/kernels/depthwise_helium.h"

/* A row of the image: one pixel's channels after the other, or always the same. */
typedef struct {
    const int8_t *pixel;
    int32_t step;
} nonn_depthwise_row;

/* Cells of stride 1 from four rows. The second takes the first of them from other cells, every
 * fourth byte. `lanes` is a predicate. */
void nonn_depthwise_cells(const nonn_depthwise_row rows[4], int8_t *cells, uint32_t columns,
                          uint32_t lanes);
void nonn_depthwise_next_cells(const nonn_depthwise_row rows[4], int8_t *cells, uint32_t columns,
                               uint32_t lanes);

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
    const int8_t *cells;   /* of the first channel */
    const int8_t *weights; /* [4][12] */
    uint32_t units;
    const uint16_t *unit; /* tables of units */
    int32_t *sums;        /* [units][4][12] */
} nonn_depthwise_work;    /* four channels of some units */

/* Sums of products for each kind of unit. */
extern void (*const nonn_depthwise_sums[5])(const nonn_depthwise_work *work);

/* Requantises and writes them: `first` is the first channel of the tile's first output,
 * `constants` those of the four channels. The second takes two words a channel and a scale, the
 * first three. */
void nonn_depthwise_outputs(const nonn_depthwise_work *work, const int32_t *constants,
                            int8_t *first, const nonn_depthwise_helium_params *params);
void nonn_depthwise_scaled_outputs(const nonn_depthwise_work *work, const int32_t *constants,
                                   int8_t *first, int32_t scale);

#endif
