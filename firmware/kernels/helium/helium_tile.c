#include "nonn/kernels/helium_tile.h"

#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <string.h>

#include "helium_outputs.h"
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
 * can, since the core overlaps them. Below the saved registers lie the tiles to come and their
 * panel. */
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
        "ldrd r4, r6, [r0, #24]\n"
        "ldm r0, {r1, r3, r5, r7, r9, r11}\n"
        "adr r0, 4f\n"
        "sub r9, r0, r9\n"
        "push {r1, r6}\n"
        "0:\n"
        "sub r4, r1, r4\n"
        "vldrw.u32 q0, [r4]\n"
        "vldrw.u32 q1, [r4, #16]\n"
        "vldrw.u32 q2, [r4, #32]\n"
        "vldrw.u32 q3, [r4, #48]\n"
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
        "ldr r7, [sp, #72]\n"
        "ldr r1, [sp]\n"
        "ldr r7, [r7, #12]\n"
        "3:\n"
        "stm r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "subs r11, r11, #1\n"
        "bne 1b\n"
        "ldrd r1, r2, [sp]\n"
        "subs r2, r2, #1\n"
        "beq 5f\n"
        "ldr r0, [sp, #72]\n"
        "ldr r4, [r0, #32]\n"
        "add r1, r1, r4\n"
        "strd r1, r2, [sp]\n"
        "ldr r4, [r0, #24]\n"
        "ldr r3, [r0, #4]\n"
        "ldr r11, [r0, #20]\n"
        "b 0b\n"
        "5:\n"
        "mov r0, r3\n"
        "add sp, sp, #8\n"
        "vpop {d8-d15}\n"
        "pop {r1, r4-r11, pc}\n"
        ".purgem nonn_tile_step\n");
}

/* The same of one panel's first pixel alone, whose sums are repeated for all four. */
static const int8_t *sum_one(const nonn_helium_walk *walk, uint32_t chunks) {
    const int8_t *weights = walk->weights;
    const int8_t *begin = walk->panel - walk->lead;
    const int8_t *last = begin + NONN_HELIUM_CHUNK * (chunks - 1);
    int32_t *sums = walk->sums;
    for (uint32_t pair = 0; pair < walk->pairs; ++pair, sums += 8) {
        const int8x16_t x = vld1q_s8(begin);
        int32_t even = vmladavq_s8(x, vld1q_s8(weights));
        int32_t odd = vmladavq_s8(x, vld1q_s8(weights + 16));
        weights += 32;
        for (const int8_t *from = last; from > begin; from -= NONN_HELIUM_CHUNK) {
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

/* `channels` of one tile. Returns the constants behind them. */
static const int32_t *put(const nonn_helium_tiles *tiles, const int32_t *constants,
                          uint32_t channels, int8_t *output, uint32_t last) {
    const nonn_helium_filters *filters = &tiles->filters;
    const uint32x4_t pixel = vminq_u32(vidupq_n_u32(0, 1), vdupq_n_u32(last));
    nonn_helium_outputs outputs = {tiles->walk.sums, constants, channels / 4, 1, filters};
    if (outputs.quads > 0) {
        const uint32x4_t addresses =
            vaddq_n_u32(vmulq_n_u32(pixel, filters->channels), (uint32_t)output - 4);
        outputs.constants = tiles->put(&outputs, addresses);
    }
    if (channels % 4 != 0) {
        int8_t rest[16];
        const uint32x4_t addresses = vaddq_n_u32(vshlq_n_u32(pixel, 2), (uint32_t)rest - 4);
        const uint32_t done = 4 * outputs.quads;
        outputs.sums += 4 * done;
        outputs.quads = 1;
        outputs.constants = tiles->put(&outputs, addresses);
        for (uint32_t p = 0; p <= last; ++p) {
            memcpy(output + p * filters->channels + done, rest + 4 * p, channels - done);
        }
    }
    return outputs.constants;
}

/* One tile, with any number of channels and pixels. */
static void part_by_part(const nonn_helium_tiles *tiles, const int8_t *panel, int8_t *output,
                         uint32_t last) {
    nonn_helium_walk walk = tiles->walk;
    const int32_t *constants = tiles->filters.constants;
    uint32_t left = tiles->filters.channels;
    walk.panel = panel + walk.lead;
    walk.tiles = 1;
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

void nonn_helium_begin(nonn_helium_tiles *tiles, const nonn_helium_filters *filters, uint32_t most,
                       void *scratch, int8_t *output) {
    const uint32_t channels = filters->channels;
    const uint32_t rounded = (channels + 3) / 4 * 4;
    const uint32_t kept = rounded < NONN_HELIUM_CHANNELS ? rounded : NONN_HELIUM_CHANNELS;
    const uint32_t behind = filters->chunks - 1u;
    const uint32_t more = behind > 8 ? (behind - 1) / 8 : 0;
    tiles->walk.lead = NONN_HELIUM_CHUNK * (1 + 8 * more);
    tiles->panel = (int8_t *)scratch + 16 * kept * most;
    tiles->walk.panel = tiles->panel + tiles->walk.lead;
    tiles->walk.weights = filters->weights;
    tiles->walk.sums = scratch;
    tiles->walk.passes = more > 0 ? more + 1 : 0;
    tiles->walk.steps = STEP_BYTES * (behind - 8 * more) - 1;
    tiles->walk.pairs = (kept + 1) / 2;
    tiles->walk.pitch = NONN_HELIUM_CHUNK * filters->chunks;
    tiles->filters = *filters;
    tiles->sum = sum_chunks;
    tiles->put = filters->scale != 0 ? nonn_helium_scale_quads : nonn_helium_requantize_quads;
    tiles->pixels = vsubq_n_u32(vmulq_n_u32(vidupq_n_u32(0, 1), channels), 4);
    tiles->quads = channels == kept && channels % 4 == 0 ? channels / 4 : 0;
    tiles->most = most;
    tiles->waiting = 0;
    tiles->output = output;
}

void nonn_helium_flush(nonn_helium_tiles *tiles) {
    if (tiles->quads == 0 && tiles->waiting > 0) {
        part_by_part(tiles, tiles->panel - tiles->walk.pitch, tiles->output, 3);
    } else if (tiles->waiting > 0) {
        const nonn_helium_outputs outputs = {tiles->walk.sums, tiles->filters.constants,
                                             tiles->quads, tiles->waiting, &tiles->filters};
        tiles->walk.tiles = tiles->waiting;
        (void)tiles->sum(&tiles->walk);
        (void)tiles->put(&outputs, vaddq_n_u32(tiles->pixels, (uint32_t)tiles->output));
    }
    tiles->output += tiles->waiting * 4 * tiles->filters.channels;
    tiles->panel -= tiles->waiting * tiles->walk.pitch;
    tiles->waiting = 0;
}

void nonn_helium_add_part(nonn_helium_tiles *tiles, uint32_t last) {
    const int8_t *panel = tiles->panel;
    nonn_helium_flush(tiles);
    part_by_part(tiles, panel, tiles->output, last);
}

#endif
