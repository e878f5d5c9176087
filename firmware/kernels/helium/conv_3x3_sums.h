/* Sums of 3x3 filters over columns that a tile's four pixels share. Every other pair of channels
 * takes the rows of taps backwards and begins with the columns that are in the registers already.
 */
#ifndef NONN_CONV_3X3_SUMS_H
#define NONN_CONV_3X3_SUMS_H

#include "nonn/kernels/helium_tile.h"

#define NONN_CONV_3X3_STEP 96      /* bytes of a step: six columns of 16 channels */
#define NONN_CONV_3X3_ADDRESSES 16 /* bytes of a panel that begins with three addresses */

/* A panel has three steps for each slice of 16 channels; walk->steps are the slices behind the
 * first. */
nonn_helium_sum nonn_conv_3x3_sum_steps;

/* For 16 channels: a panel begins with the addresses of three steps. */
nonn_helium_sum nonn_conv_3x3_sum_rows;

#endif
