/* How the code that nonn_helium_run jumps to finds its walk and goes on; r0 is the walk at first.
 */
#ifndef NONN_HELIUM_CODE_H
#define NONN_HELIUM_CODE_H

#include <stddef.h>

#include "nonn/kernels/helium_tile.h"

/* From sums to `put`. */
#define NONN_HELIUM_PUT   \
    "ldr r0, [sp, #64]\n" \
    "ldr r2, [r0, #76]\n" \
    "bx r2\n"

/* From `put` to the next tile; q4 are the addresses, r12 is `skip`. */
#define NONN_HELIUM_NEXT "b.w nonn_helium_next\n"

_Static_assert(offsetof(nonn_helium_walk, weights) == 0 && offsetof(nonn_helium_walk, sums) == 4 &&
                   offsetof(nonn_helium_walk, quads) == 8 && offsetof(nonn_helium_walk, at) == 12 &&
                   offsetof(nonn_helium_walk, steps) == 32 &&
                   offsetof(nonn_helium_walk, addresses) == 48 &&
                   offsetof(nonn_helium_walk, constants) == 64 &&
                   offsetof(nonn_helium_walk, skip) == 68 &&
                   offsetof(nonn_helium_walk, sum) == 72 && offsetof(nonn_helium_walk, put) == 76 &&
                   offsetof(nonn_helium_walk, tiles) == 80 &&
                   offsetof(nonn_helium_walk, scale) == 84 &&
                   offsetof(nonn_helium_walk, activation_min) == 88 &&
                   offsetof(nonn_helium_walk, activation_max) == 89 &&
                   offsetof(nonn_helium_walk, output_offset) == 90,
               "as the code reads them");

#endif
