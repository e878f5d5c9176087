/* What the convolutions for Helium share: all output channels of a tile of four pixels.
 *
 * A receptive field is taken in chunks of 16 values. What is read behind it to fill the last one
 * may be of any kind: the weights there are zero. Fields of few chunks are read where they lie,
 * others from a panel, the tile's fields as [chunk][pixel][16]. The tile is computed in two phases:
 * int32 sums of four pixels and two channels at a time, since VMLADAVA adds 16 products to one of
 * eight general registers; then requantisation, in which a vector holds one channel's four pixels
 * (requantize_helium.h). Between them lie the sums of `at_once` channels, [channel][pixel]. Where
 * these are all channels, and a multiple of four, a tile is read before any of its outputs is
 * written, so that outputs may lie over the pixels they came from; a panel is anyway.
 */
#ifndef NONN_KERNELS_HELIUM_TILE_H
#define NONN_KERNELS_HELIUM_TILE_H

#include <stdint.h>

#include "nonn/target.h"

/* The layer's filters: codegen/kernels/helium_tile.py packs them. */
typedef struct {
    uint16_t channels; /* of the output */
    uint16_t chunks;   /* of a receptive field, at least 1 */
    int16_t output_offset;
    int8_t activation_min, activation_max;
    /* 0: three words per channel, see requantize_helium.h. Else two, bias and multiplier, and
     * out = sat8((x * multiplier / 2^31) / 2^14), x = sum * scale + bias, both rounded upwards. */
    int32_t scale;
    /* [pair of channels][chunk][2][16], for sums of a panel the chunks in the order first, last,
     * ... second. For direct ones they have their own order, in every other pair backwards. */
    const int8_t *weights;
    const int32_t *constants;
} nonn_helium_filters;

#if NONN_TARGET_HELIUM

#include <arm_mve.h>

/* What the assembly works on. nonn_helium_run alternates between `sum`, which adds up all quads of
 * channels of one tile, and `put`, which requantises them; both are code to jump to, not functions
 * of C. */
typedef void nonn_helium_code(void);

typedef struct {
    const int8_t *weights;
    nonn_helium_code *sum;
    int32_t *sums;  /* [channel][pixel] */
    uint32_t quads; /* four channels each, at least 1 */
    /* What `sum` reads, as it defines it; behind each tile all move on by `step`. */
    uint32_t at[4];
    const int32_t *constants;
    uint32_t step;
    int32_t scale;
    uint32_t skip;        /* from a tile's end of one pixel to the beginning of the next tile's */
    uint32x4_t addresses; /* where each pixel's next four bytes go, less 4; moves on */
    uint32_t tiles;       /* to come, at least 1; 0 behind them */
    nonn_helium_code *put;
    int8_t activation_min, activation_max;
    int16_t output_offset;
} nonn_helium_walk;

void nonn_helium_run(nonn_helium_walk *walk);

/* A layer's tiles, one after the other. */
typedef struct {
    nonn_helium_walk walk;
    nonn_helium_filters filters;
    uint32_t at_once; /* channels whose sums are kept, a multiple of 4 */
    int8_t *panel;    /* scratch behind the sums */
    int8_t *output;   /* of the next tile */
} nonn_helium_tiles;

#define NONN_HELIUM_CHUNK 64 /* bytes from one chunk of a pixel to the next in a panel */

/* `scratch` holds the sums of `at_once` channels, then the panel, which is what tiles are summed
 * from at first. */
void nonn_helium_begin(nonn_helium_tiles *tiles, const nonn_helium_filters *filters,
                       uint32_t at_once, void *scratch, int8_t *output);

/* From now on fields are summed where they lie, each a run of chunks whose number is one of these:
 * at[p] is that of pixel p. */
void nonn_helium_direct(nonn_helium_tiles *tiles);
#define NONN_HELIUM_DIRECT(chunks) ((chunks) <= 4 || (chunks) == 8)

/* Computes `count` (at least 1) tiles that follow each other in the output; the panel is filled, or
 * `at` is set, and `step` where there is more than one. */
void nonn_helium_tiles_run(nonn_helium_tiles *tiles, uint32_t count);

/* Computes a tile of which the pixels from 0 to `last` (0..3) are there; the others repeat it. */
void nonn_helium_tile_part(nonn_helium_tiles *tiles, uint32_t last);

#endif

#endif
