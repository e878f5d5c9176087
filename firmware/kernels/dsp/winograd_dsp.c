#include "nonn/kernels/winograd_dsp.h"

#include <string.h>

#include "nonn/target.h"
#include "requantize.h"
#include "winograd_transform.h"

#if NONN_TARGET_DSP

#define TILES 4 /* of a block: what is multiplied at a time, by two filters */
#define POSITIONS 16
#define GROUP 16 /* channels of the unrolled loop */

/* Where a tile's outputs go. At an edge that cuts the tile in half the step is 0: what is outside
 * is written first, then what is inside. */
typedef struct {
    int8_t *at;
    int32_t right, down;
} place;

/* Memory to work in. `block` is how many words of v one block of tiles has, `most` how many tiles
 * there is room for. */
typedef struct {
    int32_t *u, *m, *v;
    place *places;
    int32_t block, most;
} buffers;

/* m[position][tile][filter] = the sum over pairs of channels of u[pair][position][filter] *
 * v[pair][position][tile]; `last` is 128 * 8 bytes for each group of channels but one.
 *
 * r0 and r1 walk u and v, r1 so far in that the whole group is in reach of LDRD; r4 to r11 are the
 * sums. What else there is to know waits on the stack, in the order in which LDM fetches it. */
#define BEGIN(sum, v, u) "smuad " #sum ", " #v ", " #u "\n"
#define ADD(sum, v, u) "smlad " #sum ", " #v ", " #u ", " #sum "\n"
#define STEP(OP, k)                                                                             \
    "ldrd r2, r3, [r0, #128*" #k                                                                \
    "]\n"                                                                                       \
    "ldrd r12, lr, [r1, #256*" #k "-1020]\n" OP(r4, r12, r2) OP(r5, r12, r3) OP(r6, lr, r2)     \
        OP(r7, lr, r3) "ldrd r12, lr, [r1, #256*" #k "-1012]\n" OP(r8, r12, r2) OP(r9, r12, r3) \
            OP(r10, lr, r2) OP(r11, lr, r3)

__attribute__((naked, noinline)) static void multiply(const int32_t *u __attribute__((unused)),
                                                      const int32_t *v __attribute__((unused)),
                                                      int32_t *m __attribute__((unused)),
                                                      int32_t last __attribute__((unused))) {
    __asm volatile(
        "push {r4-r11, lr}\n"
        "add lr, r2, #512\n"  /* the end of m */
        "sub r12, r3, #8\n"   /* from the last group back to the first, next position */
        "add r4, r0, r3\n"    /* the last group */
        "mov r3, r2\n"
        "mov r2, r4\n"
        "push {r2, r3, r12, lr}\n"
        "addw r1, r1, #1020\n"
        "1:\n" /* a position */
        STEP(BEGIN, 0)
        "2:\n"
        STEP(ADD, 1) STEP(ADD, 2) STEP(ADD, 3) STEP(ADD, 4) STEP(ADD, 5) STEP(ADD, 6) STEP(ADD, 7)
        "ldm sp, {r2, r3, r12, lr}\n"
        "cmp r0, r2\n"
        "blo 3f\n"
        "stm r3!, {r4-r11}\n"
        "str r3, [sp, #4]\n"
        "sub r0, r0, r12\n"
        "sub r1, r1, r12, lsl #1\n"
        "cmp r3, lr\n"
        "bne 1b\n"
        "add sp, sp, #16\n"
        "pop {r4-r11, pc}\n"
        "3:\n" /* another group */
        "add r0, r0, #1024\n"
        "add r1, r1, #2048\n"
        STEP(ADD, 0)
        "b 2b\n");
}

/* Adds up a row of positions: 2 a + b + c in a, b - c - 2 d in b. */
#define LOAD_M(to, row, column) "ldr " #to ", [r0, #128*" #row "+32*" #column "]\n"
#define ROW_SUMS(a, b, c)     \
    "add " #a ", " #b ", " #a \
    ", lsl #1\n"              \
    "add " #a ", " #a ", " #c \
    "\n"                      \
    "sub " #b ", " #b ", " #c "\n"
#define INNER_ROW(row, a, b, c, d) \
    LOAD_M(a, row, 0)              \
    LOAD_M(b, row, 1)              \
    LOAD_M(c, row, 2) LOAD_M(d, row, 3) ROW_SUMS(a, b, c) "sub " #b ", " #b ", " #d ", lsl #1\n"

/* The same for a row that is added twice to two sums, or taken off. */
#define OUTER_ROW(row, op, left, right)                                          \
    LOAD_M(r9, row, 0)                                                           \
    LOAD_M(r12, row, 1)                                                          \
    LOAD_M(lr, row, 2) ROW_SUMS(r9, r12, lr)                                     \
        LOAD_M(lr, row, 3) "sub r12, r12, lr, lsl #1\n" #op " " #left ", " #left \
                           ", r9, lsl #1\n" #op " " #right ", " #right ", r12, lsl #1\n"

/* nonn_requantize_away() of four times a sum of products; halving is exact. */
#define REQUANTIZE(sum)       \
    "add " #sum ", r4, " #sum \
    ", asr #1\n"              \
    "add r9, r6, " #sum       \
    ", asr #31\n"             \
    "smmlar " #sum ", " #sum  \
    ", r5, r9\n"              \
    "asr " #sum ", " #sum     \
    ", r7\n"                  \
    "ssat " #sum ", #8, " #sum "\n"

/* Outputs of two filters, of the tiles from `places` to `end`, whose addresses move on by two;
 * `channel` has bias, multiplier, addend and shift of each filter, in r4 to r7. */
__attribute__((naked, noinline)) static void finish(const int32_t *m __attribute__((unused)),
                                                    place *places __attribute__((unused)),
                                                    const place *end __attribute__((unused)),
                                                    const int32_t *channel
                                                    __attribute__((unused))) {
    __asm volatile(
        "push {r0, r1, r4-r11, lr}\n"
        "1:\n" /* a filter */
        "ldm r3!, {r4-r7}\n"
        "push {r3}\n"
        "2:\n" /* a tile */
        INNER_ROW(1, r11, r8, r3, r10)
        INNER_ROW(2, lr, r9, r3, r10)
        "add r3, r11, lr\n"
        "sub r11, r11, lr\n"
        "add r10, r8, r9\n"
        "sub r8, r8, r9\n"
        OUTER_ROW(0, add, r3, r10)
        OUTER_ROW(3, sub, r11, r8)
        REQUANTIZE(r3) REQUANTIZE(r10) REQUANTIZE(r11) REQUANTIZE(r8)
        "ldm r1, {r9, r12, lr}\n"
        "add lr, lr, r9\n"
        "strb r8, [lr, r12]\n"
        "strb r11, [lr]\n"
        "strb r10, [r9, r12]\n"
        "strb r3, [r9], #1\n"
        "str r9, [r1], #12\n"
        "add r0, r0, #8\n"
        "cmp r1, r2\n"
        "bne 2b\n"
        "pop {r3}\n"
        "ldrd r0, r1, [sp]\n"
        "movs r4, #0\n" /* no third */
        "str r4, [sp, #4]\n"
        "adds r0, r0, #4\n"
        "cmp r1, #0\n"
        "bne 1b\n"
        "add sp, sp, #8\n"
        "pop {r4-r11, pc}\n");
}

/* Copies a patch that is not all inside the image, with the zero point around it. */
static void copy_patch(const nonn_winograd_dsp_params *params, const int8_t *input, int32_t y,
                       int32_t x, int8_t *patch) {
    const int32_t pixel = params->in_c;
    const int32_t first = x < 0 ? -x : 0;
    const int32_t last = x + 4 > params->in_w ? params->in_w - x : 4;
    for (int32_t end = y + 4; y < end; ++y, patch += 4 * pixel) {
        memset(patch, params->zero_point, (uint32_t)(4 * pixel));
        if (y >= 0 && y < params->in_h) {
            memcpy(patch + first * pixel, input + (y * params->in_w + x + first) * pixel,
                   (uint32_t)((last - first) * pixel));
        }
    }
}

/* Which tiles come next: the first one's outputs start at (y, x), `count` of them make a batch. */
typedef struct {
    int32_t y, x, count;
} progress;

/* Says where the transformed tiles of the next batch go, and how many there are. As long as nothing
 * of the input is below, the end of the output, which is still unwritten, holds more than scratch.
 */
static void plan_batch(const nonn_winograd_dsp_params *params, int8_t *output, int32_t *spare,
                       const progress *now, buffers *with) {
    const int32_t across = (params->out_w + 1) >> 1, row = params->out_w * params->out_c;
    const int32_t tile = with->block / TILES * 4 + (int32_t)sizeof(place);
    const int32_t size = params->out_h * row & ~3;
    int32_t most = params->batch;
    with->v = spare;
    for (int32_t more = most + TILES; params->apart; more += TILES) {
        const int32_t rows = ((now->x >> 1) + more + across - 1) / across * 2;
        const int32_t start = size - more * tile;
        if ((now->y + rows) * row > start) {
            break;
        }
        most = more;
        with->v = (int32_t *)(void *)(output + start);
    }
    with->most = most;
    with->places = (place *)(void *)(with->v + most / TILES * with->block);
}

/* Transforms a batch of tiles, and moves on behind it. */
static void transform(const nonn_winograd_dsp_params *params, const int8_t *input, int8_t *output,
                      const buffers *to, progress *now) {
    const int32_t in_w = params->in_w, in_c = params->in_c;
    const int32_t out_w = params->out_w, out_c = params->out_c;
    int32_t count = 0;
    for (; count < to->most && now->y < params->out_h; ++count) {
        const int32_t y = now->y - params->pad_h, x = now->x - params->pad_w;
        const int8_t *patch = input + (y * in_w + x) * in_c;
        int32_t down = in_w * in_c;
        if (y < 0 || x < 0 || y + 4 > params->in_h || x + 4 > in_w) {
            int8_t *const copy = (int8_t *)to->u;
            copy_patch(params, input, y, x, copy);
            patch = copy;
            down = 4 * in_c;
        }
        nonn_winograd_patch(patch, down, in_c, to->v + count / TILES * to->block + count % TILES);
        place *const at = &to->places[count];
        at->at = output + (now->y * out_w + now->x) * out_c;
        at->right = now->x + 1 < out_w ? out_c : 0;
        at->down = now->y + 1 < params->out_h ? out_w * out_c : 0;
        now->x += 2;
        if (now->x >= out_w) {
            now->x = 0;
            now->y += 2;
        }
    }
    now->count = count;
}

/* All filters, two at a time, on the tiles of a batch. */
static void convolve(const nonn_winograd_dsp_params *params, const buffers *with, int32_t count) {
    const int32_t in_c = params->in_c;
    const int32_t last = (in_c / GROUP - 1) * GROUP / 2 * NONN_WINOGRAD_U * 4;
    const int32_t filter = 9 * in_c / 4;
    const int32_t *weights = params->weights, *channel = params->channels;
    for (int32_t o = 0; o < params->out_c; o += 2) {
        nonn_winograd_filter(weights, in_c, with->u);
        nonn_winograd_filter(weights + filter, in_c, with->u + 1);
        const int32_t *v = with->v;
        for (int32_t t = 0; t < count; t += TILES) {
            multiply(with->u, v, with->m, last);
            const int32_t end = count - t < TILES ? count : t + TILES;
            finish(with->m, with->places + t, with->places + end, channel);
            v += with->block;
        }
        weights += 2 * filter;
        channel += 8;
    }
}

static void clamp(const nonn_winograd_dsp_params *params, const place *places, int32_t count) {
    for (int32_t t = 0; t < count; ++t) {
        for (int32_t i = 0; i < 4; ++i) {
            int8_t *const end =
                places[t].at + (i & 1) * places[t].right + (i >> 1) * places[t].down;
            nonn_clamp_run(end - params->out_c, params->out_c, params->activation_min,
                           params->activation_max);
        }
    }
}

void nonn_winograd_dsp(const nonn_winograd_dsp_params *params, const int8_t *input, int8_t *output,
                       void *scratch) {
    buffers with;
    with.u = scratch;
    with.m = with.u + params->in_c / 2 * NONN_WINOGRAD_U;
    with.block = params->in_c / 2 * NONN_WINOGRAD_V;
    int32_t *const spare = with.m + POSITIONS * 2 * TILES;
    const int clamped = params->activation_min != INT8_MIN || params->activation_max != INT8_MAX;
    progress now = {0, 0, 0};
    while (now.y < params->out_h) {
        plan_batch(params, output, spare, &now, &with);
        transform(params, input, output, &with, &now);
        convolve(params, &with, now.count);
        if (clamped) {
            clamp(params, with.places, now.count);
        }
    }
}

#endif
