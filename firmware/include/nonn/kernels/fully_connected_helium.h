/* Dense layer of one row on Helium.
 *
 * Computes what nonn/kernels/fully_connected.h says, bit for bit, for rows = 1. Eight units at a
 * time are summed in general registers (VMLADAVA) while their biases and weights stream through;
 * the input's first six chunks of 16 values stay in registers. With one multiplier for all units,
 * whole sixteens are requantised as in firmware/kernels/helium/requantize_helium.h. Elsewhere four
 * units are, and exactly so for every right shift: 1 is subtracted from a negative product where
 * the shift is not 0, so that VRSHL's ties upwards are the reference's ties away from zero.
 */
#ifndef NONN_KERNELS_FULLY_CONNECTED_HELIUM_H
#define NONN_KERNELS_FULLY_CONNECTED_HELIUM_H

#include <stdint.h>

#define NONN_FULLY_CONNECTED_HELIUM_RESIDENT 6 /* chunks */
#define NONN_FULLY_CONNECTED_HELIUM_UNITS 128  /* whose sums are kept at a time, a multiple of 8 */

typedef struct {
    uint16_t depth, units;
    uint16_t per_unit; /* 1: multiplier and shift have an entry per unit, 0: four equal ones */
    int8_t activation_min, activation_max;
    int16_t output_offset; /* the output's zero point */
    /* For each whole eight units their biases, int32 with the input's offset included, and weights
     * [chunk][8][16]: the first chunk, those that are not resident, then the other resident ones
     * from the last to the second. For each unit behind these [chunk][16]. The last chunk is filled
     * up with zeros. Unless per_unit is 1, whole sixteens lie as two eights in the order 0, 4, 8,
     * 12, 2, 6, 10, 14; 1, 5, 9, 13, 3, 7, 11, 15, which narrowing turns into the right one. */
    const int8_t *weights;
    const int32_t *bias;       /* of the units behind the last whole eight */
    const int32_t *multiplier; /* [units], up to a multiple of 4, or [4] */
    const int32_t *shift;      /* likewise, 0 or negative: to the right */
} nonn_fully_connected_helium_params;

/* `scratch` holds the sums of NONN_FULLY_CONNECTED_HELIUM_UNITS units, or of all rounded up to a
 * multiple of 8, whichever is less; then, if depth is no multiple of 16, the input rounded up to
 * one. */
void nonn_fully_connected_helium(const nonn_fully_connected_helium_params *params,
                                 const int8_t *input, int8_t *output, void *scratch);

#endif
