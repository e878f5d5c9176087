#include "nonn/kernels/add_helium.h"

#include "nonn/naked.h"
#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <stdbool.h>
#include <stddef.h>

_Static_assert(offsetof(nonn_add_helium_params, first_factor) == 4 &&
                   offsetof(nonn_add_helium_params, offset) == 12,
               "as the code below reads them");

/* Byte 4 * i + j of a narrowed vector is lane i of vector 0, 2, 1 or 3 of four elements each. */
static const uint8_t places[16] = {0, 8, 4, 12, 1, 9, 5, 13, 2, 10, 6, 14, 3, 11, 7, 15};

/* 16 elements at a time, `blocks` times. In assembly, since the compiler keeps neither the factors
 * nor the order in which loads and products alternate. */
#define ADD_BLOCKS(last_shift)          \
    "push {r4-r6, lr}\n"                \
    "vpush {d8-d13}\n"                  \
    "ldr r4, [sp, #64]\n"               \
    "dls lr, r4\n"                      \
    "ldr r4, =%c0\n"                    \
    "vldrw.u32 q6, [r4]\n"              \
    "ldm r0, {r4-r6}\n"                 \
    "vdup.32 q5, r4\n"                  \
    "1:\n"                              \
    "vldrb.s32 q1, [r1, #4]\n"          \
    "vmlas.s32 q1, q5, r6\n"            \
    "vldrb.s32 q4, [r2, #4]\n"          \
    "vmla.s32 q1, q4, r5\n"             \
    "vldrb.s32 q2, [r1, #8]\n"          \
    "vmlas.s32 q2, q5, r6\n"            \
    "vldrb.s32 q4, [r2, #8]\n"          \
    "vmla.s32 q2, q4, r5\n"             \
    "vldrb.s32 q3, [r1, #12]\n"         \
    "vmlas.s32 q3, q5, r6\n"            \
    "vldrb.s32 q4, [r2, #12]\n"         \
    "vmla.s32 q3, q4, r5\n"             \
    "vldrb.s32 q0, [r1], #16\n"         \
    "vmlas.s32 q0, q5, r6\n"            \
    "vldrb.s32 q4, [r2], #16\n"         \
    "vmla.s32 q0, q4, r5\n"             \
    "vqrshrnb.s32 q2, q2, #16\n"        \
    "vqrshrnt.s32 q2, q3, #16\n"        \
    "vqrshrnb.s32 q0, q0, #16\n"        \
    "vqrshrnt.s32 q0, q1, #16\n"        \
    "vqrshrnb.s16 q0, q0, #" last_shift \
    "\n"                                \
    "vqrshrnt.s16 q0, q2, #" last_shift \
    "\n"                                \
    "vstrb.8 q0, [r3, q6]\n"            \
    "adds r3, #16\n"                    \
    "le lr, 1b\n"                       \
    "vpop {d8-d13}\n"                   \
    "pop {r4-r6, pc}\n"                 \
    ".ltorg\n"

NONN_NAKED static void add_fine(NONN_UNSEEN const int32_t *factors, NONN_UNSEEN const int8_t *first,
                                NONN_UNSEEN const int8_t *second, NONN_UNSEEN int8_t *output,
                                NONN_UNSEEN int32_t blocks) {
    __asm volatile(ADD_BLOCKS("6") : : "i"(places));
}

NONN_NAKED static void add_coarse(NONN_UNSEEN const int32_t *factors,
                                  NONN_UNSEEN const int8_t *first, NONN_UNSEEN const int8_t *second,
                                  NONN_UNSEEN int8_t *output, NONN_UNSEEN int32_t blocks) {
    __asm volatile(ADD_BLOCKS("4") : : "i"(places));
}

/* Seldom needed: most limits are those of int8. */
static void clamp(int8_t *values, int32_t count, int8_t low, int8_t high) {
    const int8x16_t least = vdupq_n_s8(low), most = vdupq_n_s8(high);
    for (; count > 0; count -= 16, values += 16) {
        const mve_pred16_t lanes = vctp8q((uint32_t)count);
        const int8x16_t raised = vmaxq_s8(vldrbq_z_s8(values, lanes), least);
        vstrbq_p_s8(values, vminq_s8(raised, most), lanes);
    }
}

void nonn_add_helium(const nonn_add_helium_params *params, const int8_t *first,
                     const int8_t *second, int8_t *output) {
    const int32_t blocks = params->count / 16;
    const bool fine = params->shift == NONN_ADD_HELIUM_FINE;
    if (blocks > 0) {
        (fine ? add_fine : add_coarse)(&params->first_factor, first, second, output, blocks);
    }
    for (int32_t i = 16 * blocks; i < params->count; i += 4) {
        const mve_pred16_t lanes = vctp32q((uint32_t)(params->count - i));
        int32x4_t sum = vdupq_n_s32(params->offset);
        sum = vmlaq_n_s32(sum, vldrbq_z_s32(first + i, lanes), params->first_factor);
        sum = vmlaq_n_s32(sum, vldrbq_z_s32(second + i, lanes), params->second_factor);
        const int16x8_t half = vqrshrnbq_n_s32(vdupq_n_s16(0), sum, 16);
        const int8x16_t narrow = fine ? vqrshrnbq_n_s16(vdupq_n_s8(0), half, 6)
                                      : vqrshrnbq_n_s16(vdupq_n_s8(0), half, 4);
        vstrbq_p_s32(output + i, (int32x4_t)narrow, lanes);
    }
    if (params->activation_min > INT8_MIN || params->activation_max < INT8_MAX) {
        clamp(output, params->count, params->activation_min, params->activation_max);
    }
}

#endif
