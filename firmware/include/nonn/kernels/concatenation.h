/* One input of a CONCATENATION, copied into its place; a concatenation is one call per input. */
#ifndef NONN_KERNELS_CONCATENATION_H
#define NONN_KERNELS_CONCATENATION_H

#include <stdint.h>

typedef struct {
    int32_t count;       /* runs: the product of the dimensions before the axis */
    int32_t run_bytes;   /* contiguous in both tensors */
    int32_t output_step; /* bytes from run to run in the output */
    int32_t offset;      /* of the first run in the output */
} nonn_concatenation_params;

/* `input` holds count * run_bytes values; it does not overlap `output`. */
void nonn_concatenation(const nonn_concatenation_params *params, const int8_t *input,
                        int8_t *output);

#endif
