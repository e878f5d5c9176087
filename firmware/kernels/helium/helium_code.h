/* How the code that nonn_helium_run jumps to finds its walk and goes on. A sum begins with what is
 * in front of `constants` in r1, r3, r5, r7, r9, r11, r12; the walk's address is at [sp, #64]. */
#ifndef NONN_HELIUM_CODE_H
#define NONN_HELIUM_CODE_H

#include <stddef.h>

#include "nonn/kernels/helium_tile.h"

/* From sums to `put`, which begins with the walk in r1. */
#define NONN_HELIUM_PUT   \
    "ldr r1, [sp, #64]\n" \
    "ldr pc, [r1, #68]\n"

/* From `put` to the next tile; q4 are the addresses, r1 is the walk, r3 its `step`, r12 its `skip`.
 */
#define NONN_HELIUM_NEXT "b.w nonn_helium_next\n"

_Static_assert(offsetof(nonn_helium_walk, sums) == 4 && offsetof(nonn_helium_walk, at) == 12 &&
                   offsetof(nonn_helium_walk, constants) == 28 &&
                   offsetof(nonn_helium_walk, scale) == 36 &&
                   offsetof(nonn_helium_walk, tiles) == 44 &&
                   offsetof(nonn_helium_walk, addresses) == 48 &&
                   offsetof(nonn_helium_walk, sum) == 64 && offsetof(nonn_helium_walk, put) == 68 &&
                   offsetof(nonn_helium_walk, activation_min) == 72 &&
                   sizeof(nonn_helium_walk) == 80,
               "as the code reads them");

#endif
