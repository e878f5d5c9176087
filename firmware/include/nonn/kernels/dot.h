/* The inner loops that convolutions and dense layers share. Every sum must fit 32 bits. */
#ifndef NONN_KERNELS_DOT_H
#define NONN_KERNELS_DOT_H

#include <stdint.h>

/* The sum of weights[k] * input[k] over 0 <= k < count. */
int32_t nonn_dot(const int8_t *input, const int8_t *weights, int32_t count);

/* sums[r] = start[r] + the sum of weights[r * count + k] * input[k] over 0 <= k < count, r < 4. */
void nonn_dot_4(const int8_t *input, const int8_t *weights, int32_t count, const int32_t *start,
                int32_t *sums);

/* Columns of int16 that are summed together, side by side: element k of column c is at
 * columns[NONN_DOT_COLUMNS * k + c]. */
#define NONN_DOT_COLUMNS 3

/* sums[c] and sums[NONN_DOT_COLUMNS + c]: column c times `first` and times `second`. */
void nonn_dot_columns(const int16_t *columns, const int8_t *first, const int8_t *second,
                      int32_t count, int32_t *sums);

/* The taps of a filter that lie inside the image, in steps from element to element. */
typedef struct {
    int32_t rows, columns;
    int32_t image_column, taps_column; /* from tap to tap */
    int32_t image_row, taps_row;       /* from behind the last tap of a row to the next row */
    int32_t offset;                    /* added to the image */
} nonn_taps;

/* Channels that lie side by side in image and filters alike. */
#define NONN_DOT_TAPS_CHANNELS 4

/* sums[k]: of channel k, which begins at image[k] and taps[k]. */
void nonn_dot_taps(const nonn_taps *at, const int8_t *image, const int8_t *taps, int32_t *sums);

/* The same for any number of channels where 3x3 taps lie inside and both steps from tap to tap are
 * the same. */
void nonn_dot_3x3(const nonn_taps *at, const int8_t *image, const int8_t *taps, int32_t channels,
                  int32_t *sums);

#endif
