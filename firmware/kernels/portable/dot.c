#include "nonn/kernels/dot.h"

/* Functions of their own, with few enough values to stay in the registers of a Cortex-M: inlined
 * into the kernels, with all they keep, the compiler spills inside the loop and takes three times
 * the instructions. */

#define ADD_INPUT(k)                \
    do {                            \
        const int32_t x = input[k]; \
        sum0 += w0[k] * x;          \
        sum1 += w1[k] * x;          \
        sum2 += w2[k] * x;          \
        sum3 += w3[k] * x;          \
    } while (0)

#define ADD_4_INPUTS(k)   \
    do {                  \
        ADD_INPUT(k);     \
        ADD_INPUT(k + 1); \
        ADD_INPUT(k + 2); \
        ADD_INPUT(k + 3); \
    } while (0)

#define STEP(k)     \
    do {            \
        input += k; \
        w0 += k;    \
        w1 += k;    \
        w2 += k;    \
        w3 += k;    \
    } while (0)

int32_t nonn_dot(const int8_t *input, const int8_t *weights, int32_t count) {
    int32_t sum = 0;
    for (const int8_t *end = input + count; input != end;) {
        sum += *input++ * *weights++;
    }
    return sum;
}

/* Four rows load an input once for four products. Five pointers that move are more than the loop
 * has to do otherwise: they move once for sixteen inputs. */
void nonn_dot_4(const int8_t *input, const int8_t *weights, int32_t count, const int32_t *start,
                int32_t *sums) {
    const int8_t *w0 = weights, *w1 = w0 + count, *w2 = w1 + count, *w3 = w2 + count;
    const int8_t *end = input + count % 16;
    int32_t sum0 = start[0], sum1 = start[1], sum2 = start[2], sum3 = start[3];
    while (input != end) {
        ADD_INPUT(0);
        STEP(1);
    }
    for (end += count / 16 * 16; input != end;) {
        ADD_4_INPUTS(0);
        ADD_4_INPUTS(4);
        ADD_4_INPUTS(8);
        ADD_4_INPUTS(12);
        STEP(16);
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

#define ADD_PRODUCTS(k)                              \
    do {                                             \
        const int32_t w = first[k];                  \
        const int32_t v = second[k];                 \
        int32_t x = columns[NONN_DOT_COLUMNS * (k)]; \
        sum0 += w * x;                               \
        sum3 += v * x;                               \
        x = columns[NONN_DOT_COLUMNS * (k) + 1];     \
        sum1 += w * x;                               \
        sum4 += v * x;                               \
        x = columns[NONN_DOT_COLUMNS * (k) + 2];     \
        sum2 += w * x;                               \
        sum5 += v * x;                               \
    } while (0)

/* Six sums and the five values that make them stay in the registers of a Cortex-M. */
void nonn_dot_columns(const int16_t *columns, const int8_t *first, const int8_t *second,
                      int32_t count, int32_t *sums) {
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0, sum4 = 0, sum5 = 0;
    for (; count >= 4; count -= 4) {
        ADD_PRODUCTS(0);
        ADD_PRODUCTS(1);
        ADD_PRODUCTS(2);
        ADD_PRODUCTS(3);
        columns += 4 * NONN_DOT_COLUMNS;
        first += 4;
        second += 4;
    }
    for (; count > 0; --count) {
        ADD_PRODUCTS(0);
        columns += NONN_DOT_COLUMNS;
        ++first;
        ++second;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
    sums[4] = sum4;
    sums[5] = sum5;
}

void nonn_dot_taps(const nonn_taps *at, const int8_t *image, const int8_t *taps, int32_t *sums) {
    const int32_t image_column = at->image_column, taps_column = at->taps_column;
    const int32_t offset = at->offset;
    int32_t sum0 = 0, sum1 = 0, sum2 = 0, sum3 = 0;
    for (int32_t row = at->rows; row > 0; --row) {
        for (int32_t column = at->columns; column > 0; --column) {
            sum0 += taps[0] * (image[0] + offset);
            sum1 += taps[1] * (image[1] + offset);
            sum2 += taps[2] * (image[2] + offset);
            sum3 += taps[3] * (image[3] + offset);
            image += image_column;
            taps += taps_column;
        }
        image += at->image_row;
        taps += at->taps_row;
    }
    sums[0] = sum0;
    sums[1] = sum1;
    sums[2] = sum2;
    sums[3] = sum3;
}

/* Three pointers into each, one step for all columns, offset, sum and two factors: the registers of
 * a Cortex-M. */
void nonn_dot_3x3(const nonn_taps *at, const int8_t *image, const int8_t *taps, int32_t channels,
                  int32_t *sums) {
    const int32_t step = at->taps_column, offset = at->offset;
    const int32_t image_row = 3 * step + at->image_row, taps_row = 3 * step + at->taps_row;
    const int8_t *image1 = image + image_row, *image2 = image1 + image_row;
    const int8_t *taps1 = taps + taps_row, *taps2 = taps1 + taps_row;
    for (const int8_t *end = image + channels; image != end;) {
        int32_t sum = taps[0] * (image[0] + offset);
        sum += taps[step] * (image[step] + offset);
        sum += taps[2 * step] * (image[2 * step] + offset);
        ++image;
        ++taps;
        sum += taps1[0] * (image1[0] + offset);
        sum += taps1[step] * (image1[step] + offset);
        sum += taps1[2 * step] * (image1[2 * step] + offset);
        ++image1;
        ++taps1;
        sum += taps2[0] * (image2[0] + offset);
        sum += taps2[step] * (image2[step] + offset);
        sum += taps2[2 * step] * (image2[2 * step] + offset);
        ++image2;
        ++taps2;
        *sums++ = sum;
    }
}
