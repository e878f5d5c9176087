/* Sums of 3x3 filters over columns that a tile's four pixels share. Every other pair of channels
 * takes the rows of taps backwards and begins with the columns that are in the registers already.
 */
#ifndef NONN_CONV_3X3_SUMS_H
#define NONN_CONV_3X3_SUMS_H

#include "nonn/kernels/helium_tile.h"

/* 16 channels, stride 1 and 2: at[0] to at[2] are the first of the tile's columns in its three
 * rows. */
nonn_helium_code nonn_conv_3x3_sum_rows, nonn_conv_3x3_sum_wide_rows;

/* Any number of slices of 16 channels, of stride 1 and 2: at[1] is a panel of three steps, rows of
 * taps, for each slice, at[2] the slices behind the first. */
nonn_helium_code nonn_conv_3x3_sum_steps, nonn_conv_3x3_sum_wide_steps;
#define NONN_CONV_3X3_STEP 96       /* bytes of a step: six columns */
#define NONN_CONV_3X3_WIDE_STEP 144 /* nine */

#endif
