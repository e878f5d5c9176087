#include "nonn/kernels/fully_connected_dsp.h"

#include "nonn/naked.h"
#include "nonn/target.h"

#if NONN_TARGET_DSP

#include "requantize_dsp.h"

/* A turn of the loop takes four words of input. Over this many turns, 496 inputs, the sums of any
 * weights, times 256, fit 32 bits: 496 * 128 * 128 < 2^23. The assembly has both numbers. */
#define WORDS 4
#define LONGEST 31

/* One row of input, as multiply() wants it. Its words are `rest`, preceded by up to two in `head`:
 * there is the odd end of the row, and what makes the others a whole number of turns. `head` is for
 * the words `enter` and up of the first turn; only the second is used where `enter` is odd. */
typedef struct {
    uint32_t head[2];
    const int8_t *rest;
    uint32_t enter;
    uint32_t turns; /* of the first stretch; `more` stretches of LONGEST follow */
    uint32_t more, left;
    int32_t longer[2]; /* twice the sums A and C over the stretches so far */
    int8_t *output;
    const int32_t *bias;
    const int32_t *constants;
    uint32_t stride; /* bytes from one unit's constants to the next's */
    uint32_t units;
    const uint32_t *weights;
} row;

/* All units of one row, four at a time.
 *
 * How two units are kept in one word: codegen/kernels/pack_pairs.py. Registers: r0 input, r1
 * weights, r2 turns left, r3, r12 and lr input, r4-r7 weights, r8-r11 256 * A + B, B, 256 * C + D,
 * D; then r0 output, r2 bias, r3 constants, r4 stride, r5 units. A copy of the row is at sp.
 * Assembly because compilers do not load four weights at once. */
NONN_NAKED static void multiply(NONN_UNSEEN const row *one) {
    __asm__(
        ".syntax unified\n"
        ".macro nonn_fc_two first, second, pair\n"
        "smlad r8, \\first, \\pair, r8\n"
        "sxtb16 \\first, \\first\n"
        "smlad r9, \\first, \\pair, r9\n"
        "smlad r10, \\second, \\pair, r10\n"
        "sxtb16 \\second, \\second\n"
        "smlad r11, \\second, \\pair, r11\n"
        ".endm\n"
        ".macro nonn_fc_word word\n"
        "ldm r1!, {r4-r7}\n"
        "sxtb16 r3, \\word\n"
        "sxtb16 \\word, \\word, ror #8\n"
        "nonn_fc_two r4, r5, r3\n"
        "nonn_fc_two r6, r7, \\word\n"
        ".endm\n"
        ".macro nonn_fc_unit twice\n"
        "ldr r6, [r2], #4\n"
        "ldm r3, {r7, r12, lr}\n"
        "add r3, r3, r4\n"
        "add \\twice, \\twice, r6\n"
        "add r12, r12, \\twice, asr #31\n"
        "smmlar \\twice, \\twice, r7, r12\n"
        "asr \\twice, \\twice, lr\n"
        "ssat \\twice, #8, \\twice\n"
        "strb \\twice, [r0], #1\n"
        "subs r5, r5, #1\n"
        "beq 9f\n"
        ".endm\n"
        "push {r4-r11, lr}\n"
        "add r12, r0, #32\n"
        "ldm r12, {r1-r7}\n"
        "push {r1-r7}\n"
        "ldm r0, {r1-r8}\n"
        "push {r1-r8}\n"
        "ldr r3, [sp, #12]\n"
        "adr r0, 1f\n"
        "movs r1, #2f - 1f\n"
        "mla r0, r1, r3, r0\n"
        "and r3, r3, #2\n"
        "adds r0, r0, r3, lsl #2\n"
        "orr r0, r0, #1\n"
        "str r0, [sp, #12]\n"
        "ldr r1, [sp, #56]\n"

        "5:\n"
        "mov r8, #0\n"
        "mov r9, #0\n"
        "mov r10, #0\n"
        "mov r11, #0\n"
        "ldrd r12, lr, [sp]\n"
        "ldr r0, [sp, #8]\n"
        "ldr r2, [sp, #16]\n"
        "ldr pc, [sp, #12]\n"
        ".balign 4\n"
        "6:\n"
        "ldr lr, [r0, #4]\n"
        "ldr r12, [r0], #8\n"
        "1: nonn_fc_word r12\n"
        "2: nonn_fc_word lr\n"
        "ldr lr, [r0, #4]\n"
        "ldr r12, [r0], #8\n"
        "nonn_fc_word r12\n"
        "nonn_fc_word lr\n"
        "subs r2, r2, #1\n"
        "bne 6b\n"

        "ldr r3, [sp, #20]\n"
        "sub r8, r8, r9\n"
        "sub r10, r10, r11\n"
        "asr r8, r8, #7\n"
        "asr r10, r10, #7\n"
        "cmp r3, #0\n"
        "beq 8f\n"
        /* A stretch of a long row: add it up, go on with 256 * A = 0. */
        "ldrd r4, r5, [sp, #28]\n"
        "ldr r2, [sp, #24]\n"
        "add r8, r4, r8\n"
        "add r10, r5, r10\n"
        "cbz r2, 7f\n"
        "subs r2, r2, #1\n"
        "str r2, [sp, #24]\n"
        "strd r8, r10, [sp, #28]\n"
        "mov r8, r9\n"
        "mov r10, r11\n"
        "movs r2, #31\n"
        "b 6b\n"
        "7: str r3, [sp, #24]\n"
        "strd r2, r2, [sp, #28]\n"

        "8:\n"
        "lsl r9, r9, #1\n"
        "lsl r11, r11, #1\n"
        "add r12, sp, #36\n"
        "ldm r12, {r0, r2, r3, r4, r5}\n"
        "nonn_fc_unit r8\n"
        "nonn_fc_unit r9\n"
        "nonn_fc_unit r10\n"
        "nonn_fc_unit r11\n"
        "add r12, sp, #36\n"
        "stm r12, {r0, r2, r3, r4, r5}\n"
        "b 5b\n"
        "9:\n"
        "add sp, sp, #60\n"
        "pop {r4-r11, pc}\n"
        ".purgem nonn_fc_unit\n"
        ".purgem nonn_fc_word\n"
        ".purgem nonn_fc_two\n");
}

/* Up to four bytes of input as a word, the others 0. */
static uint32_t word_of(const int8_t *input, uint32_t bytes) {
    uint32_t word = 0;
    for (uint32_t i = 0; i < bytes && i < 4; ++i) {
        word |= (uint32_t)(uint8_t)input[i] << (8 * i);
    }
    return word;
}

static void multiply_row(const nonn_fully_connected_dsp_params *params, const int8_t *input,
                         int8_t *output) {
    const uint32_t end = params->depth % 4;
    const uint32_t words = (params->depth + 3) / 4;
    row one;
    one.enter = (0u - words) % WORDS;
    one.rest = input;
    for (uint32_t i = one.enter % 2; i < 2; ++i) {
        if (end != 0 && i == one.enter % 2) {
            one.head[i] = word_of(input + params->depth - end, end);
        } else {
            one.head[i] = word_of(one.rest, 4);
            one.rest += 4;
        }
    }
    const uint32_t turns = (words + WORDS - 1) / WORDS;
    one.more = (turns - 1) / LONGEST;
    one.left = one.more;
    one.turns = turns - one.more * LONGEST;
    one.longer[0] = one.longer[1] = 0;
    one.output = output;
    one.bias = params->bias;
    one.constants = params->constants;
    one.stride = params->per_unit ? 3 * sizeof *params->constants : 0;
    one.units = params->units;
    one.weights = params->weights;
    multiply(&one);
}

void nonn_fully_connected_dsp(const nonn_fully_connected_dsp_params *params, const int8_t *input,
                              int8_t *output) {
    for (uint32_t r = 0; r < params->rows; ++r) {
        multiply_row(params, input, output);
        if (params->activation_min != INT8_MIN || params->activation_max != INT8_MAX) {
            nonn_clamp_run(output, (int32_t)params->units, params->activation_min,
                           params->activation_max);
        }
        input += params->depth;
        output += params->units;
    }
}

#endif
