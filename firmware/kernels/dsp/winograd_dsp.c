#include "nonn/kernels/winograd_dsp.h"

#include <string.h>

#include "nonn/target.h"
#include "requantize_dsp.h"
#include "winograd_multiply.h"
#include "winograd_transform.h"

#if NONN_TARGET_DSP

#define TILES NONN_WINOGRAD_TILES

/* What a batch of tiles is worked on with. Filters, or sums if there are none, are where a patch is
 * copied to before. */
typedef struct {
    int32_t *u, *sums, *v;
    nonn_winograd_place *places;
    int32_t groups; /* of channels */
    int32_t most;   /* tiles that there is room for */
} batch;

/* Which tile comes next, by the place of its outputs. */
typedef struct {
    int32_t y, x;
} progress;

/* Copies a patch that is not all inside the image, with the zero point around it. */
static void copy_patch(const nonn_winograd_dsp_params *params, const int8_t *input, int32_t y,
                       int32_t x, int8_t *patch) {
    const int32_t pixel = params->in_c;
    const int32_t first = x < 0 ? -x : 0;
    const int32_t last = x + 4 > params->in_w ? params->in_w - x : 4;
    for (const int32_t end = y + 4; y < end; ++y, patch += 4 * pixel) {
        memset(patch, params->zero_point, (uint32_t)(4 * pixel));
        if (y >= 0 && y < params->in_h) {
            memcpy(patch + first * pixel, input + (y * params->in_w + x + first) * pixel,
                   (uint32_t)((last - first) * pixel));
        }
    }
}

/* Says where the tiles of the next batch go, and how many there are. As long as no input is below,
 * the end of the output, which is still unwritten, may hold more of them than scratch. */
static void plan_batch(const nonn_winograd_dsp_params *params, int8_t *output, int32_t *spare,
                       const progress *next, batch *with) {
    const int32_t across = (params->out_w + 1) >> 1, row = params->out_w * params->out_c;
    const int32_t tile = 32 * params->in_c + (int32_t)sizeof *with->places;
    const int32_t size = params->out_h * row & ~3;
    with->most = params->batch;
    with->v = spare;
    for (int32_t more = with->most + TILES; params->apart; more += TILES) {
        const int32_t rows = ((next->x >> 1) + more + across - 1) / across * 2;
        const int32_t start = size - more * tile;
        if ((next->y + rows) * row > start) {
            break;
        }
        with->most = more;
        with->v = (int32_t *)(void *)(output + start);
    }
    with->places = (nonn_winograd_place *)(void *)(with->v + with->most / TILES * with->groups *
                                                                 NONN_WINOGRAD_V);
}

/* Transforms the tiles of a batch and moves on behind them. Returns how many there were. */
static int32_t transform(const nonn_winograd_dsp_params *params, const int8_t *input,
                         int8_t *output, const batch *to, progress *next) {
    const int32_t in_w = params->in_w, in_c = params->in_c;
    const int32_t out_w = params->out_w, out_c = params->out_c;
    int32_t count = 0;
    for (; count < to->most && next->y < params->out_h; ++count) {
        const int32_t y = next->y - params->pad_h, x = next->x - params->pad_w;
        const int8_t *patch = input + (y * in_w + x) * in_c;
        int32_t down = in_w * in_c;
        if (y < 0 || x < 0 || y + 4 > params->in_h || x + 4 > in_w) {
            int8_t *const copy = (int8_t *)to->u;
            copy_patch(params, input, y, x, copy);
            patch = copy;
            down = 4 * in_c;
        }
        int32_t *const block = to->v + count / TILES * to->groups * NONN_WINOGRAD_V;
        nonn_winograd_patch(patch, down, in_c, block + count % TILES);
        nonn_winograd_place *const place = &to->places[count];
        place->at = output + (next->y * out_w + next->x) * out_c;
        place->right = next->x + 1 < out_w ? out_c : 0;
        place->down = next->y + 1 < params->out_h ? out_w * out_c : 0;
        next->x += 2;
        if (next->x >= out_w) {
            next->x = 0;
            next->y += 2;
        }
    }
    return count;
}

/* All filters, two at a time, on `count` tiles. The sums of a single block of tiles replace the
 * filters that made them, where these are in RAM. */
static void convolve(const nonn_winograd_dsp_params *params, const batch *with, int32_t count) {
    const int32_t in_c = params->in_c, filter = 9 * in_c / 4;
    const int32_t last = (with->groups - 1) * NONN_WINOGRAD_U;
    const int32_t *weights = params->weights, *channels = params->channels;
    const int over = count <= TILES && !params->transformed;
    int32_t *const sums = over ? with->u + last : with->sums;
    for (int32_t o = 0; o < params->out_c; o += 2) {
        const int32_t *u = with->u;
        if (params->transformed) {
            u = weights;
            weights += with->groups * NONN_WINOGRAD_U;
        } else {
            nonn_winograd_filter(weights, in_c, with->u);
            nonn_winograd_filter(weights + filter, in_c, with->u + 1);
            weights += 2 * filter;
        }
        const int32_t *v = with->v;
        for (int32_t t = 0; t < count; t += TILES) {
            nonn_winograd_multiply(u, v, sums, 4 * last);
            const int32_t end = count - t < TILES ? count : t + TILES;
            nonn_winograd_finish(sums, with->places + t, with->places + end, channels);
            v += with->groups * NONN_WINOGRAD_V;
        }
        channels += 8;
    }
}

/* Clamps what a batch has written; the places have moved on to the pixels' ends. */
static void clamp(const nonn_winograd_dsp_params *params, const nonn_winograd_place *places,
                  int32_t count) {
    for (int32_t i = 0; i < 4 * count; ++i) {
        const nonn_winograd_place *const place = &places[i >> 2];
        int8_t *const end =
            place->at + ((i & 1) != 0 ? place->right : 0) + ((i & 2) != 0 ? place->down : 0);
        nonn_clamp_run(end - params->out_c, params->out_c, params->activation_min,
                       params->activation_max);
    }
}

void nonn_winograd_dsp(const nonn_winograd_dsp_params *params, const int8_t *input, int8_t *output,
                       void *scratch) {
    batch with;
    with.groups = params->in_c / NONN_WINOGRAD_GROUP;
    with.u = scratch;
    with.sums = scratch;
    int32_t *spare = scratch;
    if (params->transformed) {
        const int32_t copy = 4 * params->in_c; /* words of a patch */
        spare += copy > NONN_WINOGRAD_M ? copy : NONN_WINOGRAD_M;
    } else {
        with.sums += with.groups * NONN_WINOGRAD_U;
        spare = with.sums + (params->batch > TILES ? NONN_WINOGRAD_M : 0);
    }
    const int clamped = params->activation_min != INT8_MIN || params->activation_max != INT8_MAX;
    progress next = {0, 0};
    while (next.y < params->out_h) {
        plan_batch(params, output, spare, &next, &with);
        const int32_t count = transform(params, input, output, &with, &next);
        convolve(params, &with, count);
        if (clamped) {
            clamp(params, with.places, count);
        }
    }
}

#endif
