#include "nonn/kernels/fully_connected_helium.h"

#include "nonn/naked.h"
#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <string.h>

#include "requantize_helium.h"

#define RESIDENT NONN_FULLY_CONNECTED_HELIUM_RESIDENT
#define UNITS NONN_FULLY_CONNECTED_HELIUM_UNITS

typedef struct {
    const int8_t *input;
    const int8_t *weights;
    int32_t *sums;
    uint32_t rounds; /* of two chunks that are not resident; a single one counts as a round */
    uint32_t entry;  /* behind the first chunk: 0 to 5 run so many resident ones, 6 whole rounds
                        before  all of these, 7 the same, but the first round from its half */
    uint32_t eights; /* of units */
    uint32_t bytes;  /* of the input, a multiple of 16 */
} walk;

/* Sums of eight units at a time; returns the weights behind them. r0, r2, ... r12, lr accumulate;
 * r1 is the input behind what is resident in q0 to q5, r3 the weights, r5 the sums, r7 the rounds
 * to come, r9 where to go behind the first chunk, r11 the eights to come. */
NONN_NAKED static const int8_t *sum_units(NONN_UNSEEN const walk *at) {
    __asm volatile(
        ".macro nonn_dense_chunk input\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r0, \\input, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r2, \\input, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r4, \\input, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r6, \\input, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r8, \\input, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r10, \\input, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 r12, \\input, q7\n"
        "vldrw.u32 q7, [r3], #16\n"
        "vmladava.s8 lr, \\input, q7\n"
        ".endm\n"
        ".macro nonn_dense_load input\n"
        "vctp.8 r2\n"
        "vpst\n"
        "vldrbt.u8 \\input, [r1], #16\n"
        "sub r2, r2, #16\n"
        "usat r2, #16, r2\n"
        ".endm\n"
        "push {r4-r11, lr}\n"
        "vpush {d8-d15}\n"
        "ldr r2, [r0, #24]\n"
        "ldm r0, {r1, r3, r5, r7, r9, r11}\n"
        "nonn_dense_load q0\n" /* never behind the input */
        "nonn_dense_load q1\n"
        "nonn_dense_load q2\n"
        "nonn_dense_load q3\n"
        "nonn_dense_load q4\n"
        "nonn_dense_load q5\n"
        "push {r1, r7}\n"
        "cmp r9, #6\n"
        "adr r0, 4f\n"
        "sub r9, r0, r9, lsl #6\n" /* a chunk has 16 instructions, 64 bytes */
        "it eq\n"
        "adreq r9, 2f\n"
        "it hi\n"
        "adrhi r9, 3f\n"
        "orr r9, r9, #1\n"
        "1:\n"
        "ldm r3!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "nonn_dense_chunk q0\n"
        "bx r9\n"
        ".balign 4\n" /* for adr; never run */
        "2:\n"
        "vldrb.u8 q6, [r1], #16\n"
        "nonn_dense_chunk q6\n"
        "3:\n"
        "vldrb.u8 q6, [r1], #16\n"
        "nonn_dense_chunk q6\n"
        "subs r7, r7, #1\n"
        "bne.n 2b\n"
        "nonn_dense_chunk q5\n"
        "nonn_dense_chunk q4\n"
        "nonn_dense_chunk q3\n"
        "nonn_dense_chunk q2\n"
        "nonn_dense_chunk q1\n"
        "4:\n"
        "ldrd r1, r7, [sp]\n"
        "stm r5!, {r0, r2, r4, r6, r8, r10, r12, lr}\n"
        "subs r11, r11, #1\n"
        "bne 1b\n"
        "mov r0, r3\n"
        "add sp, sp, #8\n"
        "vpop {d8-d15}\n"
        "pop {r4-r11, pc}\n"
        ".purgem nonn_dense_chunk\n"
        ".purgem nonn_dense_load\n");
}

/* Sixteen units at a time, two eights in the order of the header. */
static void put_sixteens(const nonn_fully_connected_helium_params *params, uint32_t sixteens,
                         const int32_t *sums, int8_t *output) {
    const int8_t low = params->activation_min, high = params->activation_max;
    const int32_t multiplier = params->multiplier[0];
    const int32_t word = params->shift[0] < 0 ? 256 + params->shift[0] : 0;
    const int16_t offset = params->output_offset;
    for (; sixteens > 0; --sixteens, sums += 16, output += 16) {
        const int32x4_t a = nonn_helium_scale(vld1q_s32(sums), multiplier, word);
        const int32x4_t b = nonn_helium_scale(vld1q_s32(sums + 8), multiplier, word);
        const int32x4_t c = nonn_helium_scale(vld1q_s32(sums + 4), multiplier, word);
        const int32x4_t d = nonn_helium_scale(vld1q_s32(sums + 12), multiplier, word);
        vst1q_s8(output, nonn_helium_narrow(a, b, c, d, offset, low, high));
    }
}

/* Four units at a time in their own order, `first` being that of the sums. */
static void put_units(const nonn_fully_connected_helium_params *params, uint32_t first,
                      uint32_t units, const int32_t *sums, int8_t *output) {
    const int8x16_t low = vdupq_n_s8(params->activation_min);
    const int8x16_t high = vdupq_n_s8(params->activation_max);
    const uint32_t step = params->per_unit ? 4 : 0;
    const int32_t *multiplier = params->multiplier + (params->per_unit ? first : 0);
    const int32_t *shift = params->shift + (params->per_unit ? first : 0);
    for (uint32_t done = 0; done < units; done += 4) {
        const int32x4_t right = vld1q_s32(shift);
        int32x4_t x = vqrdmulhq_s32(vld1q_s32(sums + done), vld1q_s32(multiplier));
        x = vrshlq_s32(vqaddq_s32(x, vshrq_n_s32(vandq_s32(x, right), 31)), right);
        const int16x8_t narrow = vqaddq_n_s16(vqmovnbq_s32((int16x8_t)x, x), params->output_offset);
        const int8x16_t bytes = vqmovnbq_s16((int8x16_t)narrow, narrow);
        vstrbq_p_s32(output + done, (int32x4_t)vminq_s8(vmaxq_s8(bytes, low), high),
                     vctp32q(units - done));
        multiplier += step;
        shift += step;
    }
}

/* The units behind the last whole eight, fewer than eight. */
static void sum_rest(const nonn_fully_connected_helium_params *params, const walk *at,
                     int32_t *sums) {
    const int8_t *weights = at->weights;
    const int8_t *input = at->input;
    for (uint32_t unit = 0; unit < params->units % 8u; ++unit) {
        int32_t sum = params->bias[unit];
        for (uint32_t i = 0; i < at->bytes; i += 16, weights += 16) {
            sum = vmladavaq_s8(sum, vld1q_s8(input + i), vld1q_s8(weights));
        }
        sums[unit] = sum;
    }
}

void nonn_fully_connected_helium(const nonn_fully_connected_helium_params *params,
                                 const int8_t *input, int8_t *output, void *scratch) {
    const uint32_t chunks = (params->depth + 15u) / 16;
    const uint32_t most = (params->units + 7u) / 8 * 8;
    int32_t *sums = scratch;
    if (params->depth % 16 != 0) {
        int8_t *whole = (int8_t *)(sums + (most < UNITS ? most : UNITS));
        memcpy(whole, input, params->depth);
        input = whole;
    }
    const uint32_t streamed = chunks > RESIDENT ? chunks - RESIDENT : 0;
    const uint32_t entry = streamed == 0 ? chunks - 1 : 6 + streamed % 2;
    walk at = {input, params->weights, sums, (streamed + 1) / 2, entry, 0, 16 * chunks};
    for (uint32_t first = 0; first < params->units; first += UNITS) {
        const uint32_t left = params->units - first;
        const uint32_t units = left < UNITS ? left : UNITS;
        at.eights = units / 8;
        if (at.eights > 0) {
            at.weights = sum_units(&at);
        }
        if (units % 8 != 0) {
            sum_rest(params, &at, sums + 8 * at.eights);
        }
        const uint32_t sixteens = params->per_unit ? 0 : units / 16;
        const uint32_t done = 16 * sixteens;
        put_sixteens(params, sixteens, sums, output + first);
        put_units(params, first + done, units - done, sums + done, output + first + done);
    }
}

#endif
