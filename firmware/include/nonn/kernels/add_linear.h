/* ADD and SUB of two inputs of one shape, with a fused activation: one linear form.
 *
 * output = clamp((first_factor * first + second_factor * second + offset) >> shift), where every
 * partial sum fits 32 bits. The code generator takes this kernel where it has found factors that
 * give nonn_add's output for each of the 65,536 pairs of inputs.
 */
#ifndef NONN_KERNELS_ADD_LINEAR_H
#define NONN_KERNELS_ADD_LINEAR_H

#include <stdint.h>

typedef struct {
    int32_t count; /* elements of each input and of the output */
    int32_t first_factor, second_factor;
    int32_t offset;
    int32_t shift;                          /* 0..31 */
    int32_t activation_min, activation_max; /* in -128..127 */
} nonn_add_linear_params;

/* `output` may be either input; element i is written when no later element needs what it held. */
void nonn_add_linear(const nonn_add_linear_params *params, const int8_t *first,
                     const int8_t *second, int8_t *output);

#endif
