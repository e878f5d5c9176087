#include "nonn/kernels/winograd_dsp.h"

#include <string.h>

#include "nonn/target.h"
#include "requantize_dsp.h"
#include "winograd_multiply.h"
#include "winograd_transform.h"

#if NONN_TARGET_DSP

#define TILES NONN_WINOGRAD_TILES

/* What a batch of tiles is worked on with. A patch is copied to where the sums are later. */
typedef struct {
    int32_t *u, *sums;
    int32_t *v, *end, *tail; /* blocks of tiles, with their places; behind the end comes the tail */
    int32_t block;           /* words of a block */
    int32_t groups;          /* of channels */
    int32_t most;            /* tiles that there is room for */
    int32_t pair;            /* of filters, with which the batch begins */
    int held;                /* these are in u already */
} batch;

/* Which tile comes next, by the place of its outputs. */
typedef struct {
    int32_t y, x;
} progress;

static int32_t *block_after(const batch *with, int32_t *block) {
    return block + with->block == with->end ? with->tail : block + with->block;
}

static nonn_winograd_place *places_of(const batch *with, int32_t *block) {
    return (nonn_winograd_place *)(void *)(block + with->groups * NONN_WINOGRAD_V);
}

/* Copies a patch that is not all inside the image, with the zero point around it. */
static void copy_patch(const nonn_winograd_dsp_params *params, const int8_t *input, int32_t y,
                       int32_t x, int8_t *patch) {
    const int32_t pixel = params->in_c;
    const int32_t first = x < 0 ? -x * pixel : 0;
    const int32_t last = (x + 4 > params->in_w ? params->in_w - x : 4) * pixel;
    const int32_t size = 4 * pixel;
    for (const int32_t end = y + 4; y < end; ++y, patch += size) {
        const int outside = y < 0 || y >= params->in_h;
        if (outside || first > 0) {
            memset(patch, params->zero_point, (uint32_t)(outside ? size : first));
        }
        if (!outside) {
            memcpy(patch + first, input + (y * params->in_w + x) * pixel + first,
                   (uint32_t)(last - first));
            if (last < size) {
                memset(patch + last, params->zero_point, (uint32_t)(size - last));
            }
        }
    }
}

/* Says how many tiles the next batch may have. As long as no input is below, the end of the output,
 * which is still unwritten, holds more than scratch does. */
static void plan_batch(const nonn_winograd_dsp_params *params, int8_t *output, const progress *next,
                       batch *with) {
    const int32_t across = (params->out_w + 1) >> 1, row = params->out_w * params->out_c;
    const int32_t tile = 32 * params->in_c + (int32_t)sizeof(nonn_winograd_place);
    const int32_t size = params->out_h * row & ~3;
    with->most = params->batch;
    for (int32_t more = TILES; params->apart; more += TILES) {
        const int32_t last = (next->x >> 1) + params->batch + more - 1;
        const int32_t y = next->y + last / across * 2, x = last % across * 2;
        const int32_t start = size - more * tile;
        if ((y + 1) * row + (x + 2) * params->out_c > start) {
            break;
        }
        with->most = params->batch + more;
        with->tail = (int32_t *)(void *)(output + start);
    }
}

/* Transforms the tiles of a batch and moves on behind them. Returns how many there were. */
static int32_t transform(const nonn_winograd_dsp_params *params, const int8_t *input,
                         int8_t *output, const batch *to, progress *next) {
    const int32_t in_w = params->in_w, in_c = params->in_c;
    const int32_t out_w = params->out_w, out_c = params->out_c;
    int32_t *block = to->v;
    int32_t count = 0;
    for (; count < to->most && next->y < params->out_h; ++count) {
        const int32_t y = next->y - params->pad_h, x = next->x - params->pad_w;
        const int8_t *patch = input + (y * in_w + x) * in_c;
        int32_t down = in_w * in_c;
        if (y < 0 || x < 0 || y + 4 > params->in_h || x + 4 > in_w) {
            int8_t *const copy = (int8_t *)to->sums;
            copy_patch(params, input, y, x, copy);
            patch = copy;
            down = 4 * in_c;
        }
        if (count > 0 && count % TILES == 0) {
            block = block_after(to, block);
        }
        nonn_winograd_patch(patch, down, in_c, block + count % TILES);
        nonn_winograd_place *const place = places_of(to, block) + count % TILES;
        place->at = output + (next->y * out_w + next->x) * out_c + 2 * to->pair;
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

/* Moves the places of `count` tiles from the pixels' ends to where they begin. */
static void rewind(const nonn_winograd_dsp_params *params, const batch *with, int32_t count) {
    int32_t *block = with->v;
    for (; count > 0; count -= TILES, block = block_after(with, block)) {
        for (int32_t t = 0; t < count && t < TILES; ++t) {
            places_of(with, block)[t].at -= params->out_c;
        }
    }
}

/* All filters, two at a time, on `count` tiles. They go round, from those on which the batch before
 * ended, as these are still there. */
static void convolve(const nonn_winograd_dsp_params *params, batch *with, int32_t count) {
    const int32_t in_c = params->in_c, pairs = params->out_c / 2;
    const int32_t last = 4 * (with->groups - 1) * NONN_WINOGRAD_U;
    int32_t pair = with->pair;
    for (int32_t i = 0; i < pairs; ++i) {
        const int32_t *u = with->u;
        if (params->transformed) {
            u = params->weights + pair * with->groups * NONN_WINOGRAD_U;
        } else if (i > 0 || !with->held) {
            const int32_t *const filter = params->weights + pair * (9 * in_c / 2);
            nonn_winograd_filter(filter, in_c, with->u);
            nonn_winograd_filter(filter + 9 * in_c / 4, in_c, with->u + 1);
        }
        const int32_t *const channels = params->channels + 8 * pair;
        int32_t *block = with->v;
        for (int32_t left = count; left > 0; left -= TILES, block = block_after(with, block)) {
            nonn_winograd_place *const places = places_of(with, block);
            const nonn_winograd_place *const end = places + (left < TILES ? left : TILES);
            nonn_winograd_multiply(u, block, with->sums, last);
            if (params->away) {
                nonn_winograd_finish_away(with->sums, places, end, channels);
            } else {
                nonn_winograd_finish_line(with->sums, places, end, channels);
            }
        }
        with->pair = pair;
        if (++pair == pairs) {
            pair = 0;
            rewind(params, with, count);
        }
    }
    with->held = 1;
}

/* Clamps what a batch has written, whose places are those of channel `first` again. */
static void clamp(const nonn_winograd_dsp_params *params, const batch *with, int32_t first,
                  int32_t count) {
    int32_t *block = with->v;
    for (; count > 0; count -= TILES, block = block_after(with, block)) {
        for (int32_t i = 0; i < 4 * count && i < 4 * TILES; ++i) {
            const nonn_winograd_place *const place = &places_of(with, block)[i >> 2];
            int8_t *const pixel =
                place->at + ((i & 1) != 0 ? place->right : 0) + ((i & 2) != 0 ? place->down : 0);
            nonn_clamp_run(pixel - first, params->out_c, params->activation_min,
                           params->activation_max);
        }
    }
}

void nonn_winograd_dsp(const nonn_winograd_dsp_params *params, const int8_t *input, int8_t *output,
                       void *scratch) {
    batch with;
    const int32_t copy = 4 * params->in_c; /* words of a patch */
    with.groups = params->in_c / NONN_WINOGRAD_GROUP;
    with.u = scratch;
    with.sums = with.u + (params->transformed ? 0 : with.groups * NONN_WINOGRAD_U);
    with.v = with.sums + (copy > NONN_WINOGRAD_M ? copy : NONN_WINOGRAD_M);
    with.block = with.groups * NONN_WINOGRAD_V +
                 TILES * (int32_t)(sizeof(nonn_winograd_place) / sizeof(int32_t));
    with.end = with.v + params->batch / TILES * with.block;
    with.tail = with.end;
    with.pair = 0;
    with.held = 0;
    const int clamped = params->activation_min != INT8_MIN || params->activation_max != INT8_MAX;
    progress next = {0, 0};
    while (next.y < params->out_h) {
        plan_batch(params, output, &next, &with);
        const int32_t first = 2 * with.pair;
        const int32_t count = transform(params, input, output, &with, &next);
        convolve(params, &with, count);
        if (clamped) {
            clamp(params, &with, first, count);
        }
    }
}

#endif
