/* How the kernels of two operands walk them when their shapes differ (NumPy's broadcasting rules).
 *
 * The code generator merges dimensions that both operands cross in the same way, so that equal
 * shapes become one row and most broadcasts become rows within one counter.
 */
#ifndef NONN_KERNELS_BROADCAST_H
#define NONN_KERNELS_BROADCAST_H

#include <stdbool.h>
#include <stdint.h>

/* The highest rank is 6, and the innermost dimension is the row. */
#define NONN_BROADCAST_COUNTERS 5

typedef struct {
    int32_t row;     /* outputs in a row, > 0 */
    int32_t step[2]; /* 1, or 0 where one element serves the whole row */
    /* How many rows each counter runs through, innermost first; unused ones are 1. */
    int32_t count[NONN_BROADCAST_COUNTERS];
    /* From the start of one row to the next as this counter advances, per operand. */
    int32_t jump[2][NONN_BROADCAST_COUNTERS];
} nonn_broadcast;

/* Moves both operands to their next row; false after the last. `index` starts as zeros. */
static inline bool nonn_broadcast_next(const nonn_broadcast *walk, int32_t *index,
                                       const int8_t **input1, const int8_t **input2) {
    for (int i = 0; i < NONN_BROADCAST_COUNTERS; ++i) {
        if (++index[i] < walk->count[i]) {
            *input1 += walk->jump[0][i];
            *input2 += walk->jump[1][i];
            return true;
        }
        index[i] = 0;
    }
    return false;
}

#endif
