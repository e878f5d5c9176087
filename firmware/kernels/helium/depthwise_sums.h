/* Inner loops of depthwise_helium.c: four channels of some units. */
#ifndef NONN_HELIUM_DEPTHWISE_SUMS_H
#define NONN_HELIUM_DEPTHWISE_SUMS_H

#include <stdint.h>

#include "nonn/kernels/depthwise_helium.h"

typedef struct {
    const int8_t *cells;   /* of the first channel */
    const int8_t *weights; /* [4][9] */
    uint32_t second_row;   /* 256: the second row of outputs is the next one; 1: the first again */
    uint32_t units;
    const uint16_t *unit; /* tables of units */
    int32_t *sums; /* [units][4][12] */
} nonn_depthwise_work;

/* Sums of products for each kind of unit. */
extern void (*const nonn_depthwise_sums[4])(const nonn_depthwise_work *work);

/* Requantises and writes them: `first` is the first channel of the tile's first output,
 * `constants` those of the four channels. The second takes two words a channel and a scale, the
 * first three. */
void nonn_depthwise_outputs(const nonn_depthwise_work *work, const int32_t *constants,
                            int8_t *first, const nonn_depthwise_helium_params *params);
void nonn_depthwise_scaled_outputs(const nonn_depthwise_work *work, const int32_t *constants,
                                   int8_t *first, int32_t scale);

#endif
