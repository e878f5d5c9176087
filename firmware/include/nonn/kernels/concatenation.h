/* One input of a concatenation, copied into its place in the output.
 *
 * The input is `count` runs of `input_bytes`; they land `output_bytes` apart, from `offset` on. A
 * concatenation is one call per input.
 */
#ifndef NONN_KERNELS_CONCATENATION_H
#define NONN_KERNELS_CONCATENATION_H

#include <stdint.h>

typedef struct {
    int32_t count;
    int32_t input_bytes;
    int32_t output_bytes;
    int32_t offset;
} nonn_concatenation_params;

void nonn_concatenation(const nonn_concatenation_params *params, const int8_t *input,
                        int8_t *output);

#endif
