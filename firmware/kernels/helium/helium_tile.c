#include "nonn/kernels/helium_tile.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <stddef.h>
#include <string.h>

#include "panel.h"

#define STEP_BYTES 56u /* of code in sum_chunks' chain */

/* The sums of pairs of channels. The first chunk stays in registers; a chain of eight steps does
 * the rest, backwards: first the part of it that the last 1 to 8 chunks need, which begins `steps`
 * + 1 bytes before its end, then the whole for eight more on each further pass. `passes` is their
 * number where there is more than one, else 0; `panel` is the first chunk of the first pass.
 *
 * r0, r2, ... r12, lr accumulate (VMLADAVA takes even registers only): the first four one channel's
 * pixels, the others the next one's. r1 is the panel, r3 the weights, r5 the sums, r7 the passes to
 * come, r9 where to enter the chain, r11 the pairs to come. Loads and products alternate where they
 * can, since the core overlaps them. */
__attribute__((naked)) static const int8_t *sum_chunks(const nonn_helium_walk *walk) {
    (void)walk;
    __asm volatile(
        ".macro nonn_tile_step offset\n"
        "vldrw.u32 q4, [r3], #16\n"
        "vldrw.u32 q6, [r1, #\\offset]\n"
        "vmladava.s8 r0, q6, q4\n"
        "vldrw.u32 q5, [r3], #16\n"
        "vmladava.s8 r8, q6, q5\n"
        "vldrw.u32 q7, [r1, #\\offset + 16]\n"
        "vmladava.s8 r2, q7, q4\n"
        "vldrw.u32 q6, [r1, #\\offset + 32]\n"
        "vmladava.s8 r10, q7, q5\n"
        "vldrw.u32 q7, [r1, #\\offset + 48]\n"
        "vmladava.s8 r4, q6, q4\n"
        "vmladava.s8 r12, q6, q5\n"
        "vmladava.s8 r6, q7, q4\n"
        "vmladava.s8 lr, q7, q5\n"
        ".endm\n"
        "push {r0, r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "ldr r2, [r0, #24]\n"
        "ldm r0, {r1, r3, r5, r7, r9, r11}\n"
        "adr r0, 4f\n"
        "sub r9, r0, r9\n"
        "vldrw.u32 q0, [r2]\n"
        "vldrw.u32 q1, [r2, #16]\n"
        "vldrw.u32 q2, [r2, #32]\n"
        "vldrw.u32 q3, [r2, #48]\n"
        "1:\n"
        "vldrw.u32 q4, [r3], #16\n"
        "vmladav.s8 r0, q0, q4\n"
        "vldrw.u32 q5, [r3], #16\n"
        "vmladav.s8 r2, q1, q4\n"
        "vmladav.s8 r4, q2, q4\n"
        "vmladav.s8 r6, q3, q4\n"
        "vmladav.s8 r8, q0, q5\n"
        "vmladav.s8 r10, q1, q5\n"
        "vmladav.s8 r12, q2, q5\n"
        "vmladav.s8 lr, q3, q5\n"
        "bx r9\n"
        ".balign 4\n" /* for adr; never run */
        "2:\n"
        "sub r1, r1, #512\n"
        "nonn_tile_step 448\n"
        "nonn_tile_step 384\n"
        "nonn_tile_step 320\n"
        "nonn_tile_step 256\n"
        "nonn_tile_step 192\n"
        "nonn_tile_step 128\n"
        "nonn_tile_step 64\n"
        "nonn_tile_step 0\n"
        "4:\n"
        "cbz r7, 3f\n"
        "subs r7, r7, #1\n"
        "bne 2b\n"
        "ldr r7, [sp, #64]\n"
        "ldr r1, [r7]\n"
        "ldr r7, [r7, #12]\n"
        "3:\n"
        "stm r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "subs r11, r11, #1\n"
        "bne 1b\n"
        "mov r0, r3\n"
        "vpop {d8-d15}\n"
        "pop {r1, r4-r11, pc}\n"
        ".purgem nonn_tile_step\n");
}

/* The same of the panel's first pixel alone, whose sums are repeated for all four. */
static const int8_t *sum_one(const nonn_helium_walk *walk, uint32_t chunks) {
    const int8_t *weights = walk->weights;
    const int8_t *last = walk->begin + NONN_HELIUM_CHUNK * (chunks - 1);
    int32_t *sums = walk->sums;
    for (uint32_t pair = 0; pair < walk->pairs; ++pair, sums += 8) {
        const int8x16_t x = vld1q_s8(walk->begin);
        int32_t even = vmladavq_s8(x, vld1q_s8(weights));
        int32_t odd = vmladavq_s8(x, vld1q_s8(weights + 16));
        weights += 32;
        for (const int8_t *from = last; from > walk->begin; from -= NONN_HELIUM_CHUNK) {
            const int8x16_t other = vld1q_s8(from);
            even = vmladavaq_s8(even, other, vld1q_s8(weights));
            odd = vmladavaq_s8(odd, other, vld1q_s8(weights + 16));
            weights += 32;
        }
        vst1q_s32(sums, vdupq_n_s32(even));
        vst1q_s32(sums + 4, vdupq_n_s32(odd));
    }
    return weights;
}

/* Four channels of four pixels at a time, `quads` of them, by one line. */
__attribute__((naked)) static const int32_t *scale_quads(const int32_t *sums,
                                                         const int32_t *constants, uint32_t quads,
                                                         const nonn_helium_filters *filters,
                                                         uint32x4_t addresses) {
    (void)sums;
    (void)constants;
    (void)quads;
    (void)filters;
    (void)addresses;
    __asm volatile(
        "push {r4-r11, lr}\n"
        "vpush {d8-d11}\n"
        "vmov q4, q0\n"
        "ldr r3, [r3, #8]\n"
        "vdup.32 q5, r3\n"
        "dls lr, r2\n"
        "1:\n"
        "ldm r1!, {r4-r11}\n"
        "vldrw.u32 q0, [r0], #16\n"
        "vmlas.s32 q0, q5, r4\n"
        "vldrw.u32 q1, [r0], #16\n"
        "vmlas.s32 q1, q5, r6\n"
        "vldrw.u32 q2, [r0], #16\n"
        "vmlas.s32 q2, q5, r8\n"
        "vldrw.u32 q3, [r0], #16\n"
        "vmlas.s32 q3, q5, r10\n"
        "vqrdmulh.s32 q0, q0, r5\n"
        "vqrdmulh.s32 q2, q2, r9\n"
        "vqrshrnb.s32 q0, q0, #14\n"
        "vqrdmulh.s32 q1, q1, r7\n"
        "vqrshrnt.s32 q0, q2, #14\n"
        "vqrdmulh.s32 q3, q3, r11\n"
        "vqrshrnb.s32 q1, q1, #14\n"
        "vqrshrnt.s32 q1, q3, #14\n"
        "vqmovnb.s16 q0, q0\n"
        "vqmovnt.s16 q0, q1\n"
        "vstrw.32 q0, [q4, #4]!\n"
        "le lr, 1b\n"
        "mov r0, r1\n"
        "vpop {d8-d11}\n"
        "pop {r4-r11, pc}\n");
}

/* The same for any limits, and three words per channel. */
__attribute__((naked)) static const int32_t *requantize_quads(const int32_t *sums,
                                                              const int32_t *constants,
                                                              uint32_t quads,
                                                              const nonn_helium_filters *filters,
                                                              uint32x4_t addresses) {
    (void)sums;
    (void)constants;
    (void)quads;
    (void)filters;
    (void)addresses;
    __asm volatile(
        "push {r4-r10, lr}\n"
        "vpush {d8-d13}\n"
        "vmov q4, q0\n"
        "ldrsb r4, [r3, #6]\n"
        "ldrsb r5, [r3, #7]\n"
        "ldrsh r3, [r3, #4]\n"
        "vdup.8 q5, r4\n"
        "vdup.8 q6, r5\n"
        "dls lr, r2\n"
        "1:\n"
        "ldm r1!, {r4-r9}\n"
        "vldrw.u32 q0, [r0], #16\n"
        "vadd.i32 q0, q0, r4\n"
        "vldrw.u32 q1, [r0], #16\n"
        "vqrdmulh.s32 q0, q0, r5\n"
        "vadd.i32 q1, q1, r7\n"
        "vqdmlah.s32 q0, q0, r6\n"
        "vqrdmulh.s32 q1, q1, r8\n"
        "vrshl.s32 q0, r6\n"
        "vqdmlah.s32 q1, q1, r9\n"
        "vqmovnb.s32 q0, q0\n"
        "vrshl.s32 q1, r9\n"
        "vqmovnb.s32 q1, q1\n"
        "ldm r1!, {r4-r9}\n"
        "vldrw.u32 q2, [r0], #16\n"
        "vadd.i32 q2, q2, r4\n"
        "vldrw.u32 q3, [r0], #16\n"
        "vqrdmulh.s32 q2, q2, r5\n"
        "vadd.i32 q3, q3, r7\n"
        "vqdmlah.s32 q2, q2, r6\n"
        "vqrdmulh.s32 q3, q3, r8\n"
        "vrshl.s32 q2, r6\n"
        "vqdmlah.s32 q3, q3, r9\n"
        "vqmovnt.s32 q0, q2\n"
        "vrshl.s32 q3, r9\n"
        "vqmovnt.s32 q1, q3\n"
        "vqadd.s16 q0, q0, r3\n"
        "vqadd.s16 q1, q1, r3\n"
        "vqmovnb.s16 q0, q0\n"
        "vqmovnt.s16 q0, q1\n"
        "vmax.s8 q0, q0, q5\n"
        "vmin.s8 q0, q0, q6\n"
        "vstrw.32 q0, [q4, #4]!\n"
        "le lr, 1b\n"
        "mov r0, r1\n"
        "vpop {d8-d13}\n"
        "pop {r4-r10, pc}\n");
}

_Static_assert(offsetof(nonn_helium_filters, output_offset) == 4 &&
                   offsetof(nonn_helium_filters, activation_min) == 6 &&
                   offsetof(nonn_helium_filters, activation_max) == 7 &&
                   offsetof(nonn_helium_filters, scale) == 8,
               "as the two read them");

/* `channels` of a tile. Returns the constants behind them. */
static const int32_t *put(const nonn_helium_tiles *tiles, const int32_t *constants,
                          uint32_t channels, int8_t *output, uint32_t last) {
    const nonn_helium_filters *filters = &tiles->filters;
    const int32_t *sums = tiles->walk.sums;
    const uint32x4_t pixel = vminq_u32(vidupq_n_u32(0, 1), vdupq_n_u32(last));
    const uint32_t quads = channels / 4;
    if (quads > 0) {
        const uint32x4_t addresses =
            vaddq_n_u32(vmulq_n_u32(pixel, filters->channels), (uint32_t)output - 4);
        constants = tiles->put(sums, constants, quads, filters, addresses);
    }
    if (channels % 4 != 0) {
        int8_t rest[16];
        const uint32x4_t addresses = vaddq_n_u32(vshlq_n_u32(pixel, 2), (uint32_t)rest - 4);
        constants = tiles->put(sums + 16 * quads, constants, 1, filters, addresses);
        for (uint32_t p = 0; p <= last; ++p) {
            memcpy(output + p * filters->channels + 4 * quads, rest + 4 * p, channels % 4);
        }
    }
    return constants;
}

void nonn_helium_begin(nonn_helium_tiles *tiles, const nonn_helium_filters *filters,
                       void *scratch) {
    const uint32_t channels = filters->channels;
    const uint32_t behind = filters->chunks - 1u;
    const uint32_t more = behind > 8 ? (behind - 1) / 8 : 0;
    tiles->filters = *filters;
    tiles->sum = sum_chunks;
    tiles->put = filters->scale != 0 ? scale_quads : requantize_quads;
    tiles->panel = (int8_t *)scratch + nonn_helium_sums_bytes(channels);
    tiles->walk = (nonn_helium_walk){
        tiles->panel + NONN_HELIUM_CHUNK * (1 + 8 * more),
        filters->weights,
        scratch,
        more > 0 ? more + 1 : 0,
        STEP_BYTES * (behind - 8 * more) - 1,
        ((channels < NONN_HELIUM_CHANNELS ? channels : NONN_HELIUM_CHANNELS) + 1) / 2,
        tiles->panel,
    };
    tiles->pixels = vsubq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 1), channels), 4);
    tiles->quads = channels <= NONN_HELIUM_CHANNELS && channels % 4 == 0 ? channels / 4 : 0;
}

/* Any number of channels. */
static void part_by_part(const nonn_helium_tiles *tiles, int8_t *output, uint32_t last) {
    nonn_helium_walk walk = tiles->walk;
    const int32_t *constants = tiles->filters.constants;
    uint32_t left = tiles->filters.channels;
    while (left > 0) {
        const uint32_t channels = left < NONN_HELIUM_CHANNELS ? left : NONN_HELIUM_CHANNELS;
        walk.pairs = (channels + 1) / 2;
        walk.weights = last == 0 && tiles->sum == sum_chunks ? sum_one(&walk, tiles->filters.chunks)
                                                             : tiles->sum(&walk);
        constants = put(tiles, constants, channels, output, last);
        output += channels;
        left -= channels;
    }
}

void nonn_helium_tile(const nonn_helium_tiles *tiles, int8_t *output, uint32_t last) {
    if (last < 3 || tiles->quads == 0) {
        part_by_part(tiles, output, last);
        return;
    }
    (void)tiles->sum(&tiles->walk);
    (void)tiles->put(tiles->walk.sums, tiles->filters.constants, tiles->quads, &tiles->filters,
                     vaddq_n_u32(tiles->pixels, (uint32_t)output));
}

#endif
