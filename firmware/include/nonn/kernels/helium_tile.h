/* What the convolutions for Helium share: all output channels of a tile of four pixels.
 *
 * Inputs come in a panel, the tile's receptive fields in chunks of 16 values: [chunk][pixel][16]. A
 * field is padded to whole chunks with values of any kind, the weights there with zeros. The tile
 * is computed in two phases: int32 sums of four pixels and two channels at a time, since
 * VMLADAVA adds 16 products to one of eight general registers; then requantisation, in which a
 * vector holds one channel's four pixels (requantize.h). Between them lie the sums of at most
 * NONN_HELIUM_CHANNELS channels, [channel][pixel]. A panel is read before any output is written, so
 * that outputs may lie over the pixels it came from.
 */
#ifndef NONN_KERNELS_HELIUM_TILE_H
#define NONN_KERNELS_HELIUM_TILE_H

#include <stdint.h>

#include "nonn/target.h"

#define NONN_HELIUM_CHANNELS 64 /* a multiple of 4 */

/* The layer's filters: codegen/kernels/helium_tile.py packs them. */
typedef struct {
    uint16_t channels; /* of the output */
    uint16_t chunks;   /* of a receptive field, at least 1 */
    int16_t output_offset;
    int8_t activation_min, activation_max;
    /* 0: three words per channel, see requantize.h. Else two, bias and multiplier, and
     * out = sat8((x * multiplier / 2^31) / 2^14), x = sum * scale + bias, both rounded upwards. */
    int32_t scale;
    const int8_t
        *weights; /* [pair of channels][chunk][2][16]: the first chunk, the last, ... the second */
    const int32_t *constants;
} nonn_helium_filters;

#if NONN_TARGET_HELIUM

#include <arm_mve.h>

/* What a function that sums gets; it adds up whole pairs and returns the weights behind them. */
typedef struct {
    const int8_t *panel;
    const int8_t *weights;
    int32_t *sums;
    uint32_t passes, steps; /* how the panel is walked, as the function defines it */
    uint32_t pairs;
    const int8_t *begin; /* of the panel */
} nonn_helium_walk;

typedef const int8_t *nonn_helium_sum(const nonn_helium_walk *walk);

/* What a function that requantises gets: four channels of four pixels each time, `sums` as above.
 * `addresses` is where the first four bytes go, less 4. Returns the constants behind them. */
typedef const int32_t *nonn_helium_put(const int32_t *sums, const int32_t *constants,
                                       uint32_t quads, const nonn_helium_filters *filters,
                                       uint32x4_t addresses);

/* A layer's tiles: begun once, then computed one by one from what lies in the panel. */
typedef struct {
    nonn_helium_filters filters;
    nonn_helium_sum *sum;
    nonn_helium_put *put;
    nonn_helium_walk walk; /* of the first channels */
    uint32x4_t pixels;     /* of a whole tile: p * channels - 4 */
    uint32_t quads; /* of all channels, where these are done at once and four by four, else 0 */
    int8_t *panel;
} nonn_helium_tiles;

/* How many bytes of sums a tile needs: NONN_HELIUM_CHANNELS channels', or all rounded up to 4. */
static inline uint32_t nonn_helium_sums_bytes(uint32_t channels) {
    const uint32_t most = (channels + 3) / 4 * 4;
    return 16 * (most < NONN_HELIUM_CHANNELS ? most : NONN_HELIUM_CHANNELS);
}

/* `scratch` holds the sums, then the panel. */
void nonn_helium_begin(nonn_helium_tiles *tiles, const nonn_helium_filters *filters, void *scratch);

/* Writes pixel p of the tile to output + p * channels, for p <= last; pixels of the panel behind
 * `last` (0..3) must repeat it. */
void nonn_helium_tile(const nonn_helium_tiles *tiles, int8_t *output, uint32_t last);

#endif

#endif
