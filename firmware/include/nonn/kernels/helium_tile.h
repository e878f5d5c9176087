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
    /* [pair of channels][chunk][2][16], the chunks in the order first, last, ... second. */
    const int8_t *weights;
    const int32_t *constants;
} nonn_helium_filters;

#if NONN_TARGET_HELIUM

#include <arm_mve.h>

/* What a function that sums gets; it adds up whole pairs of channels for each of some tiles, whose
 * panels lie `pitch` bytes apart, and returns the weights behind them. */
typedef struct {
    const int8_t *panel;
    const int8_t *weights;
    int32_t *sums;          /* [tile][channel][pixel] */
    uint32_t passes, steps; /* how the panel is walked, as the function defines it */
    uint32_t pairs;
    uint32_t lead; /* how far behind the first panel's begin `panel` lies */
    uint32_t tiles;
    uint32_t pitch;
} nonn_helium_walk;

typedef const int8_t *nonn_helium_sum(const nonn_helium_walk *walk);

/* What a function that requantises gets: for each tile `quads` times four channels. */
typedef struct {
    const int32_t *sums;
    const int32_t *constants;
    uint32_t quads;
    uint32_t tiles;
    const nonn_helium_filters *filters;
} nonn_helium_outputs;

/* `addresses` is where each pixel's first four bytes go, less 4. Returns the constants behind those
 * that were used. */
typedef const int32_t *nonn_helium_put(const nonn_helium_outputs *outputs, uint32x4_t addresses);

/* A layer's tiles. They are filled one after the other and computed some at a time, which spares
 * the way in and out where a tile is little work. */
typedef struct {
    nonn_helium_walk walk; /* of the first channels */
    nonn_helium_filters filters;
    nonn_helium_sum *sum;
    nonn_helium_put *put;
    uint32x4_t pixels; /* of a whole tile: p * channels - 4 */
    uint32_t quads;    /* of all channels, where these are done at once and four by four, else 0 */
    uint32_t most;     /* tiles at a time; 1 where quads is 0 */
    uint32_t waiting;
    int8_t *panel;  /* to be filled next */
    int8_t *output; /* of the first that waits */
} nonn_helium_tiles;

/* `scratch` holds the sums of `most` tiles, each of at most NONN_HELIUM_CHANNELS channels rounded
 * up to a multiple of 4, then their panels. */
void nonn_helium_begin(nonn_helium_tiles *tiles, const nonn_helium_filters *filters, uint32_t most,
                       void *scratch, int8_t *output);

/* Computes the tiles that wait. */
void nonn_helium_flush(nonn_helium_tiles *tiles);

/* `panel` is filled with one whole tile, or with `count` that follow each other, at most as many as
 * may still wait. Pixel p goes to output + p * channels. */
static inline void nonn_helium_add(nonn_helium_tiles *tiles, uint32_t count) {
    tiles->panel += count * tiles->walk.pitch;
    tiles->waiting += count;
    if (tiles->waiting == tiles->most) {
        nonn_helium_flush(tiles);
    }
}

/* `panel` is filled with the layer's last tile; pixels behind `last` (0..2) repeat it and are not
 * written. */
void nonn_helium_add_part(nonn_helium_tiles *tiles, uint32_t last);

#endif

#endif
