/* How the code that nonn_helium_run jumps to finds its walk and goes on. A sum begins with what is
 * in front of `constants` in r1, r2, r3, r5, r7, r9, r11, r12; the walk's address is at [sp, #64].
 */
#ifndef NONN_HELIUM_CODE_H
#define NONN_HELIUM_CODE_H

#include <stddef.h>

#include "nonn/kernels/helium_tile.h"

/* From sums to `put`, which begins with the walk in r1. */
#define NONN_HELIUM_PUT   \
    "ldr r1, [sp, #64]\n" \
    "ldr pc, [r1, #68]\n"

/* From `put` to the next tile or back to the caller; q4 are the addresses, r1 is the walk, r3 its
 * `step`, r12 its `skip`. */
#define NONN_HELIUM_NEXT        \
    "vldrw.u32 q0, [r1, #16]\n" \
    "vadd.i32 q4, q4, r12\n"    \
    "ldr r2, [r1, #64]\n"       \
    "vadd.i32 q0, q0, r3\n"     \
    "vstrw.32 q4, [r1, #48]\n"  \
    "subs r2, r2, #1\n"         \
    "vstrw.32 q0, [r1, #16]\n"  \
    "str r2, [r1, #64]\n"       \
    "bne.w nonn_helium_tile\n"  \
    "vpop {d8-d15}\n"           \
    "pop {r0, r4-r11, pc}\n"

_Static_assert(offsetof(nonn_helium_walk, sums) == 8 && offsetof(nonn_helium_walk, at) == 16 &&
                   offsetof(nonn_helium_walk, constants) == 32 &&
                   offsetof(nonn_helium_walk, scale) == 40 &&
                   offsetof(nonn_helium_walk, addresses) == 48 &&
                   offsetof(nonn_helium_walk, tiles) == 64 &&
                   offsetof(nonn_helium_walk, put) == 68 &&
                   offsetof(nonn_helium_walk, activation_min) == 72,
               "as the code reads them");

#endif
