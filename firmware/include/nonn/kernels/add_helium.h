/* ADD and SUB of two inputs of one shape on Helium: one linear form.
 *
 * output = saturate(sum / 2^NONN_ADD_HELIUM_SHIFT), rounded twice (below), where
 * sum = first_factor * first + second_factor * second + offset. The code generator takes this
 * kernel where it has found factors that give nonn_add's output for each of the 65,536 pairs of
 * inputs, without a sum beyond 32 bits.
 */
#ifndef NONN_KERNELS_ADD_HELIUM_H
#define NONN_KERNELS_ADD_HELIUM_H

#include <stdint.h>

/* Two rounding shifts: 32 to 16 bits by 16, to 8 bits by 4. The halves that they add are taken off
 * `offset`; both saturate, and no bits that one drops could change what the other gives. */
#define NONN_ADD_HELIUM_SHIFT 20

typedef struct {
    int32_t count; /* elements of each input and of the output */
    int32_t first_factor, second_factor;
    int32_t offset;
} nonn_add_helium_params;

/* `output` may be either input or start below it; 16 elements are written when their inputs have
 * been read. */
void nonn_add_helium(const nonn_add_helium_params *params, const int8_t *first,
                     const int8_t *second, int8_t *output);

#endif
