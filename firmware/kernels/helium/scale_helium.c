#include "nonn/kernels/scale_helium.h"

#include "nonn/naked.h"
#include "nonn/target.h"
#if NONN_TARGET_HELIUM

#include <arm_mve.h>
#include <stdbool.h>

#define GROUP 8

/* How both functions below start: pixels in r12; constants in q0-q3, factors before starts, even
 * channels before odd ones. */
#define ENTER                   \
    ".syntax unified\n"         \
    "push {r4, lr}\n"           \
    "vpush {d8-d15}\n"          \
    "ldr r12, [sp, #72]\n"      \
    "vldrw.u32 q0, [r3]\n"      \
    "vldrw.u32 q1, [r3, #16]\n" \
    "vldrw.u32 q2, [r3, #32]\n" \
    "vldrw.u32 q3, [r3, #48]\n"

#define LEAVE         \
    "vpop {d8-d15}\n" \
    "pop {r4, pc}\n"

/* Eight channels of all pixels, two pixels at a time. Assembly for the order, in which loads,
 * products and stores alternate. */
NONN_NAKED static void scale_group(NONN_UNSEEN const int8_t *input, NONN_UNSEEN int8_t *output,
                                   NONN_UNSEEN int32_t channels, NONN_UNSEEN const int32_t *weights,
                                   NONN_UNSEEN int32_t pixels) {
    __asm__(ENTER
            "lsr lr, r12, #1\n"
            "tst r12, #1\n"
            "beq 1f\n"
            "vldrb.s16 q4, [r0]\n"
            "add r0, r0, r2\n"
            "vmovlt.s16 q5, q4\n"
            "vmovlb.s16 q4, q4\n"
            "vmul.i32 q5, q5, q1\n"
            "vmul.i32 q4, q4, q0\n"
            "vadd.i32 q5, q5, q3\n"
            "vadd.i32 q4, q4, q2\n"
            "vqrshrnb.s32 q4, q4, #16\n"
            "vqrshrnt.s32 q4, q5, #16\n"
            "vqmovnb.s16 q4, q4\n"
            "vstrb.16 q4, [r1]\n"
            "add r1, r1, r2\n"
            "1:\n"
            "wls lr, lr, 3f\n"
            "2:\n"
            "vldrb.s16 q4, [r0]\n"
            "add r0, r0, r2\n"
            "vmovlt.s16 q5, q4\n"
            "vldrb.s16 q6, [r0]\n"
            "vmul.i32 q5, q5, q1\n"
            "add r0, r0, r2\n"
            "vmovlb.s16 q4, q4\n"
            "vmovlt.s16 q7, q6\n"
            "vmul.i32 q4, q4, q0\n"
            "vadd.i32 q5, q5, q3\n"
            "vmul.i32 q7, q7, q1\n"
            "vmovlb.s16 q6, q6\n"
            "vadd.i32 q4, q4, q2\n"
            "vmul.i32 q6, q6, q0\n"
            "vqrshrnb.s32 q4, q4, #16\n"
            "vadd.i32 q7, q7, q3\n"
            "vqrshrnt.s32 q4, q5, #16\n"
            "vadd.i32 q6, q6, q2\n"
            "vqmovnb.s16 q4, q4\n"
            "vqrshrnb.s32 q6, q6, #16\n"
            "vstrb.16 q4, [r1]\n"
            "add r1, r1, r2\n"
            "vqrshrnt.s32 q6, q7, #16\n"
            "vqmovnb.s16 q6, q6\n"
            "vstrb.16 q6, [r1]\n"
            "add r1, r1, r2\n"
            "le lr, 2b\n"
            "3:\n" LEAVE);
}

/* The same for the last `lanes` channels, fewer than eight. */
NONN_NAKED static void scale_rest(NONN_UNSEEN const int8_t *input, NONN_UNSEEN int8_t *output,
                                  NONN_UNSEEN int32_t channels, NONN_UNSEEN const int32_t *weights,
                                  NONN_UNSEEN int32_t pixels, NONN_UNSEEN int32_t lanes) {
    __asm__(ENTER
            "ldr r4, [sp, #76]\n"
            "vctp.16 r4\n"
            "dls lr, r12\n"
            "1:\n"
            "vpst\n"
            "vldrbt.s16 q4, [r0]\n"
            "add r0, r0, r2\n"
            "vmovlt.s16 q5, q4\n"
            "vmovlb.s16 q4, q4\n"
            "vmul.i32 q5, q5, q1\n"
            "vmul.i32 q4, q4, q0\n"
            "vadd.i32 q5, q5, q3\n"
            "vadd.i32 q4, q4, q2\n"
            "vqrshrnb.s32 q4, q4, #16\n"
            "vqrshrnt.s32 q4, q5, #16\n"
            "vqmovnb.s16 q4, q4\n"
            "vpst\n"
            "vstrbt.16 q4, [r1]\n"
            "add r1, r1, r2\n"
            "le lr, 1b\n" LEAVE);
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

void nonn_scale_helium(const nonn_scale_helium_params *params, const int8_t *input,
                       int8_t *output) {
    const int32_t pixels = params->pixels, channels = params->channels;
    const int8_t low = params->activation_min, high = params->activation_max;
    const int32_t count = pixels * channels, rest = channels % GROUP;
    const uintptr_t distance = (uintptr_t)input - (uintptr_t)output;
    /* A group must not write over another one's inputs. */
    const bool crossing = distance < (uintptr_t)count && distance % (uintptr_t)channels != 0;
    const int32_t together = crossing ? 1 : pixels;
    for (int32_t i = 0; i < count; i += together * channels) {
        const int32_t *weights = params->weights;
        int32_t c = i;
        for (; c < i + channels - rest; c += GROUP, weights += 2 * GROUP) {
            scale_group(input + c, output + c, channels, weights, together);
        }
        if (rest > 0) {
            scale_rest(input + c, output + c, channels, weights, together, rest);
        }
    }
    if (low > INT8_MIN || high < INT8_MAX) {
        clamp(output, count, low, high);
    }
}

#endif
