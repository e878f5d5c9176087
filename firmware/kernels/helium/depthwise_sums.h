/* Inner loops of depthwise_helium.c. */
#ifndef NONN_HELIUM_DEPTHWISE_SUMS_H
#define NONN_HELIUM_DEPTHWISE_SUMS_H

#include <arm_mve.h>
#include <stdint.h>

#include "nonn/kernels/depthwise_helium.h"

typedef struct {
    int32_t *sums;        /* of a unit and four channels: [4][pixels] */
    int8_t *output;       /* of the tile's first pixel and the group's first channel */
    const uint16_t *unit; /* tables of the tile's units */
    uint32_t units;
    uint32_t quads; /* four channels each */
    uint32_t kind;
    const int8_t *weights; /* as in the layer, without the zeros that they begin with */
    const int32_t *constants;
    uint32x4_t patch; /* addresses of the tile's first, less 4 */
    const nonn_depthwise_helium_params *params;
} nonn_depthwise_work;

/* A tile for all channels of a group, four at a time; returns the constants behind theirs. */
const int32_t *nonn_depthwise_run(const nonn_depthwise_work *work);

/* Outputs of four channels from a unit's sums where there is no scale; `constants` are three words
 * each. Returns the table behind the pixels. */
const uint16_t *nonn_depthwise_outputs(const nonn_depthwise_work *work, const uint16_t *pixels,
                                       int8_t *output, const int32_t *constants);

#endif
