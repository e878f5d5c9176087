/* Which taps of a window lie inside the image: [first, last) of `taps` at origin, origin + step,
 * ..., for positions in [0, size). Empty windows give first >= last. Kept apart so that no inner
 * loop tests. */
#ifndef NONN_KERNELS_WINDOW_H
#define NONN_KERNELS_WINDOW_H

#include <stdint.h>

typedef struct {
    int32_t first, last;
} nonn_span;

static inline nonn_span nonn_window(int32_t origin, int32_t step, int32_t taps, int32_t size) {
    nonn_span span = {0, taps};
    if (origin < 0) {
        span.first = (step - 1 - origin) / step;
    }
    if (origin + (taps - 1) * step >= size) {
        span.last = origin < size ? (size - 1 - origin) / step + 1 : 0;
    }
    return span;
}

#endif
