#include "nonn/kernels/scale_dsp.h"

#include "nonn/naked.h"
#include "nonn/target.h"

#if NONN_TARGET_DSP

#define GROUP 4

/* Four channels of all pixels. Bytes are masked to halves, each times 256, so that SMLAWB and
 * SMLAWT multiply them by factors of 32 bits. Registers: r0 input, r1 from there to the output, r2
 * bytes of a pixel, r4-r7 factors, r8-r11 starts, the others values on the way; where the last
 * pixel ends is at sp. Assembly because compilers spill some of these. */
NONN_NAKED static void scale_group(NONN_UNSEEN const int8_t *input, NONN_UNSEEN int8_t *output,
                                   NONN_UNSEEN int32_t channels, NONN_UNSEEN const int32_t *weights,
                                   NONN_UNSEEN int32_t pixels) {
    __asm__(
        ".syntax unified\n"
        "push {r4-r11, lr}\n"
        "ldr r12, [sp, #36]\n"
        "sub r1, r1, r0\n"
        "mla lr, r12, r2, r0\n"
        "push {lr}\n"
        "ldm r3, {r4-r11}\n"

        ".macro nonn_scale_four\n"
        "ldr r3, [r0]\n"
        "lsl r12, r3, #8\n"
        "and r12, r12, #0xFF00FF00\n"
        "and r3, r3, #0xFF00FF00\n"
        "smlawb lr, r4, r12, r8\n"
        "smlawt r12, r6, r12, r10\n"
        "pkhtb lr, r12, lr, asr #16\n"
        "usat16 lr, #8, lr\n"
        "smlawb r12, r5, r3, r9\n"
        "smlawt r3, r7, r3, r11\n"
        "pkhtb r3, r3, r12, asr #16\n"
        "usat16 r3, #8, r3\n"
        "orr r3, lr, r3, lsl #8\n"
        "eor r3, r3, #0x80808080\n"
        "str r3, [r0, r1]\n"
        "add r0, r0, r2\n"
        ".endm\n"

        "tst r12, #1\n"
        "bne 2f\n"
        "1:\n"
        "nonn_scale_four\n"
        "2:\n"
        "nonn_scale_four\n"
        "ldr r3, [sp]\n"
        "cmp r0, r3\n"
        "bne 1b\n"
        "add sp, sp, #4\n"
        "pop {r4-r11, pc}\n"
        ".purgem nonn_scale_four\n");
}

void nonn_scale_dsp(const nonn_scale_dsp_params *params, const int8_t *input, int8_t *output) {
    const int32_t pixels = params->pixels, channels = params->channels;
    const int32_t count = pixels * channels;
    const uintptr_t distance = (uintptr_t)input - (uintptr_t)output;
    /* A group must not write over another one's inputs. */
    const int crossing = distance < (uintptr_t)count && distance % (uintptr_t)channels != 0;
    const int32_t together = crossing ? 1 : pixels;
    for (int32_t i = 0; i < count; i += together * channels) {
        const int32_t *weights = params->weights;
        for (int32_t c = i; c < i + channels; c += GROUP, weights += 2 * GROUP) {
            scale_group(input + c, output + c, channels, weights, together);
        }
    }
}

#endif
