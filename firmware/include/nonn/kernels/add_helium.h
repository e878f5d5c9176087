/* ADD and SUB of two inputs of one shape on Helium: one linear form.
 *
 * output = saturate(sum / 2^shift), rounded twice, where
 * sum = first_factor * first + second_factor * second + offset. The code generator takes this
 * kernel where it has found factors that give nonn_add's output for each of the 65,536 pairs of
 * inputs, without a sum beyond 32 bits.
 *
 * One rounding shift goes from 32 to 16 bits by 16, one from there to 8 bits by the rest. The
 * halves that they add are taken off `offset`; both saturate, and what the first drops cannot
 * change the result of the second.
 */
#ifndef NONN_KERNELS_ADD_HELIUM_H
#define NONN_KERNELS_ADD_HELIUM_H

#include <stdint.h>

/* The two shifts that there are: the finer one leaves less room for large factors. */
#define NONN_ADD_HELIUM_FINE 22
#define NONN_ADD_HELIUM_COARSE 20

typedef struct {
    int32_t count; /* elements of each input and of the output */
    int32_t first_factor, second_factor;
    int32_t offset;
    int32_t shift;
    int8_t activation_min, activation_max;
} nonn_add_helium_params;

/* `output` may be either input or start below it; 16 elements are written when their inputs have
 * been read. */
void nonn_add_helium(const nonn_add_helium_params *params, const int8_t *first,
                     const int8_t *second, int8_t *output);

#endif
