/* Inner loops of depthwise_helium.c. */
#ifndef NONN_HELIUM_DEPTHWISE_SUMS_H
#define NONN_HELIUM_DEPTHWISE_SUMS_H

#include <stdint.h>

#include "nonn/kernels/depthwise_helium.h"

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
