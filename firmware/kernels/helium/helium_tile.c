#include "nonn/kernels/helium_tile.h"

#include "nonn/naked.h"
#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <string.h>

#include "helium_code.h"
#include "helium_outputs.h"
#include "helium_sums.h"

NONN_NAKED void nonn_helium_run(NONN_UNSEEN nonn_helium_walk *walk) {
    __asm volatile(
        "push {r0, r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "mov r1, r0\n"
        ".global nonn_helium_tile\n"
        ".thumb_func\n"
        "nonn_helium_tile:\n"
        "ldm r1, {r1, r2, r3, r5, r7, r9, r11, r12}\n"
        "bx r2\n");
}

void nonn_helium_begin(nonn_helium_tiles *tiles, const nonn_helium_filters *filters,
                       uint32_t at_once, void *scratch, int8_t *output) {
    nonn_helium_walk *walk = &tiles->walk;
    tiles->filters = *filters;
    tiles->at_once = at_once;
    tiles->panel = (int8_t *)scratch + 16 * at_once;
    tiles->output = output;
    walk->weights = filters->weights;
    walk->sums = scratch;
    walk->step = 0;
    walk->constants = filters->constants;
    walk->skip = 3u * filters->channels;
    walk->put = nonn_helium_requantize_quads;
    if (filters->scale != 0) {
        walk->put = nonn_helium_scale_quads;
    } else if (filters->activation_min == INT8_MIN && filters->activation_max == INT8_MAX) {
        walk->put = nonn_helium_requantize_quads_unlimited;
    }
    walk->scale = filters->scale;
    walk->activation_min = filters->activation_min;
    walk->activation_max = filters->activation_max;
    walk->output_offset = filters->output_offset;
    const uint32_t behind = filters->chunks - 1u;
    const uint32_t more = behind > 8 ? (behind - 1) / 8 : 0;
    walk->sum = nonn_helium_sum_panel;
    walk->at[0] = more > 0 ? more + 1 : 0;
    walk->at[1] = NONN_HELIUM_STEP_BYTES * (behind - 8 * more) - 1;
    walk->at[2] = (uint32_t)tiles->panel + NONN_HELIUM_CHUNK * (1 + 8 * more);
    walk->at[3] = (uint32_t)tiles->panel;
}

void nonn_helium_direct(nonn_helium_tiles *tiles) {
    static nonn_helium_code *const sums[4] = {nonn_helium_sum_1, nonn_helium_sum_2,
                                              nonn_helium_sum_3, nonn_helium_sum_4};
    const uint32_t chunks = tiles->filters.chunks;
    tiles->walk.sum = chunks == 8 ? nonn_helium_sum_8 : sums[chunks - 1];
}

void nonn_helium_tiles_run(nonn_helium_tiles *tiles, uint32_t count) {
    nonn_helium_walk *walk = &tiles->walk;
    const uint32_t channels = tiles->filters.channels;
    if (channels > tiles->at_once || channels % 4 != 0) {
        for (; count > 0; --count) {
            nonn_helium_tile_part(tiles, 3);
            vst1q_u32(walk->at, vaddq_n_u32(vld1q_u32(walk->at), walk->step));
        }
        return;
    }
    walk->quads = channels / 4;
    walk->tiles = count;
    walk->addresses =
        vaddq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 1), channels), (uint32_t)tiles->output - 4);
    tiles->output += 4 * count * channels;
    nonn_helium_run(walk);
}

/* The sums of a tile of one pixel for all four. */
static void sum_one(const nonn_helium_walk *walk, uint32_t chunks, int panel) {
    const int8_t *weights = walk->weights;
    const int8_t *first = (const int8_t *)walk->at[3];
    int32_t step = panel ? -NONN_HELIUM_CHUNK : 16;
    const int8_t *next = panel ? first - step * ((int32_t)chunks - 1) : first + step;
    int32_t *sums = walk->sums;
    for (uint32_t pair = 0; pair < 2 * walk->quads; ++pair, sums += 8) {
        __asm volatile(
            "vldrw.u32 q1, [%0], #16\n"
            "vldrb.u8 q0, [%1]\n"
            "vmladav.s8 r0, q0, q1\n"
            "vldrw.u32 q2, [%0], #16\n"
            "vmladav.s8 r2, q0, q2\n"
            "mov r1, %2\n"
            "wls lr, %3, 2f\n"
            "1:\n"
            "vldrw.u32 q1, [%0], #16\n"
            "vldrb.u8 q0, [r1]\n"
            "vmladava.s8 r0, q0, q1\n"
            "vldrw.u32 q2, [%0], #16\n"
            "vmladava.s8 r2, q0, q2\n"
            "add r1, r1, %4\n"
            "le lr, 1b\n"
            "2:\n"
            "vdup.32 q0, r0\n"
            "vdup.32 q1, r2\n"
            "vstrw.32 q0, [%5]\n"
            "vstrw.32 q1, [%5, #16]\n"
            : "+r"(weights)
            : "r"(first), "r"(next), "r"(chunks - 1), "r"(step), "r"(sums)
            : "r0", "r1", "r2", "lr", "q0", "q1", "q2", "memory");
        if (!panel) { /* backwards */
            first += step * ((int32_t)chunks - 1);
            step = -step;
            next = first + step;
        }
    }
}

void nonn_helium_tile_part(nonn_helium_tiles *tiles, uint32_t last) {
    const uint32_t channels = tiles->filters.channels;
    const uint32_t chunks = tiles->filters.chunks;
    const uint32x4_t pixel = vminq_u32(vidupq_n_u32(0, 1), vdupq_n_u32(last));
    const int panel = tiles->walk.sum == nonn_helium_sum_panel;
    nonn_helium_walk walk = tiles->walk;
    int8_t rest[16];
    uint32_t left = channels;
    while (left > 0) {
        const uint32_t most = left < tiles->at_once ? left : tiles->at_once;
        const uint32_t part = most < 4 ? most : most / 4 * 4;
        int8_t *to = part < 4 ? rest : tiles->output;
        const uint32_t apart = part < 4 ? 4 : channels;
        walk.quads = (part + 3) / 4;
        walk.tiles = 1;
        vst1q_u32(walk.at, vld1q_u32(tiles->walk.at));
        walk.addresses = vaddq_n_u32(vmulq_n_u32(pixel, apart), (uint32_t)to - 4);
        if (last == 0) {
            sum_one(&walk, chunks, panel);
            walk.sum = nonn_helium_sum_nothing;
        }
        nonn_helium_run(&walk);
        for (uint32_t p = 0; part < 4 && p <= last; ++p) {
            memcpy(tiles->output + p * channels, rest + 4 * p, part);
        }
        walk.weights += 64 * chunks * walk.quads;
        walk.constants += (walk.scale != 0 ? 8 : 12) * walk.quads;
        tiles->output += part;
        left -= part;
    }
    tiles->output += last * channels;
}

#endif
