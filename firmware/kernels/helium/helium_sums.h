/* The first phase of nonn/kernels/helium_tile.h: sums of four pixels and two channels at a time.
 *
 * r0, r2, ... r12, lr accumulate (VMLADAVA takes even registers only): the first four one channel's
 * pixels, the others the next one's. Loads and products alternate where they can, since the core
 * overlaps them. */
#ifndef NONN_HELIUM_SUMS_H
#define NONN_HELIUM_SUMS_H

#include "nonn/kernels/helium_tile.h"

/* Of so many chunks: at[p] is where pixel p's begin. */
nonn_helium_code nonn_helium_sum_1, nonn_helium_sum_2, nonn_helium_sum_3, nonn_helium_sum_4,
    nonn_helium_sum_8;

/* For sums that are there already. */
nonn_helium_code nonn_helium_sum_nothing;

/* Of a panel. The first chunk stays in registers; a chain of eight steps does the rest, backwards:
 * first the part of it that the last 1 to 8 chunks need, which begins at[1] + 1 bytes before its
 * end, then the whole for eight more on each further pass. at[0] is their number where there is
 * more than one, else 0; at[2] is the first chunk of the first pass, at[3] the panel. */
nonn_helium_code nonn_helium_sum_panel;
#define NONN_HELIUM_STEP_BYTES 56u /* of code in the chain */

#endif
