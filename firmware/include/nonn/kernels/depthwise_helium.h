/* Depthwise convolution 3x3 with Helium, stride 1 or 2, depth multiplier 1.
 *
 * Sixteen channels at a time are transposed into cells, words of one channel whose bytes are taps
 * that are used together, so that one gather of four words fetches what several outputs of a
 * channel need:
 *
 * Stride 1: a cell holds four rows of one column, a gather four columns, and VMLADAV with the
 * filter in four places makes 2x2 outputs of it.
 * Stride 2: pairs of outputs take five columns of three rows. Cells 0 and 1 of a pair hold an even
 * column and, as fourth byte, the last row of the odd one beside it, cell 2 the first two rows of
 * both odd columns; the pair's fifth column is cell 0 of the next.
 *
 * Eight channels at stride 1 make cells of half the bytes, two pixels at a time.
 *
 * A tile is some rows of cells over the full width, a unit 12 or 20 outputs of it. Those of a unit
 * and four channels lie as int32 [channel][output] between sums and requantisation
 * (nonn/kernels/helium_tile.h). Tables say where a unit's cells start and where its outputs go.
 *
 * The output may lie over the input, at its start or below: a tile's inputs are all in cells when
 * its first output is written, and the one row of inputs that the next tile wants and this one
 * overwrites is taken from the cells. Sixteen channels of all pixels are finished before the next
 * sixteen, whose inputs the outputs leave alone.
 */
#ifndef NONN_KERNELS_DEPTHWISE_HELIUM_H
#define NONN_KERNELS_DEPTHWISE_HELIUM_H

#include <stdint.h>

/* What a unit is, and what its table starts with. */
enum {
    NONN_DEPTHWISE_HELIUM_SIX,     /* three patches of stride 1 side by side: where the first is */
    NONN_DEPTHWISE_HELIUM_NARROW,  /* the same of cells of eight channels */
    NONN_DEPTHWISE_HELIUM_FIVE,    /* five columns of two rows of cells: where each begins */
    NONN_DEPTHWISE_HELIUM_PATCHES, /* three patches of stride 1; see below */
    NONN_DEPTHWISE_HELIUM_NINE,    /* 3x3 outputs of two rows of cells: where each begins */
    NONN_DEPTHWISE_HELIUM_TRIPLES, /* two times three pairs of stride 2 side by side */
    NONN_DEPTHWISE_HELIUM_PAIRS,   /* six pairs of stride 2; see below */
    NONN_DEPTHWISE_HELIUM_NINE_PAIRS /* 3x3 outputs of stride 2: where each row begins */
};

/* A unit's table: offsets in bytes, those of cells from the tile's first, then those of its pixels
 * from the tile's first. Of patches and pairs the first cells are given so, the others' offsets,
 * int16_t, are from these. Outputs that there are not enough of are repeated, or lie where a later
 * output of the tile is written. */
#define NONN_DEPTHWISE_HELIUM_PIXELS(kind) ((kind) == NONN_DEPTHWISE_HELIUM_FIVE ? 20u : 12u)

typedef struct {
    uint16_t in_h, in_w, channels; /* channels are a multiple of 4 */
    uint16_t out_h, out_w;
    uint16_t pad_h, pad_w; /* 0 or 1 */
    uint16_t stride;       /* 1 or 2; with 1, a row of cells makes two rows of outputs */
    uint16_t pitch, cells; /* of a row of them, and in all */
    uint16_t kind;
    int16_t zero_point; /* of the input */
    int16_t output_offset;
    int8_t activation_min, activation_max;
    /* Rows of cells of the first tile and of the others; the last row of the last tile begins one
     * output higher where they are odd. */
    uint16_t first_rows, rows;
    uint16_t first_units, units, last_units;
    const uint16_t *first, *middle, *last; /* tables of the tiles; an only one is the last */
    /* Four bytes of zeros, then [channel][16]. Stride 1: three words, each of taps in one cell, and
     * one of zeros. Stride 2: the words of cells 0 and 1, then that of cell 2 shifted by two bytes,
     * then that. */
    const int8_t *weights;
    const int32_t
        *constants; /* of each four channels: scale, then theirs; see nonn_helium_filters */
} nonn_depthwise_helium_params;

/* `scratch`: the cells of a tile, 16 bytes for each output of a unit, 16 bytes. */
void nonn_depthwise_helium(const nonn_depthwise_helium_params *params, const int8_t *input,
                           int8_t *output, void *scratch);

#endif
