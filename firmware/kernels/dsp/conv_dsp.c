#include "nonn/kernels/conv_dsp.h"

#include "nonn/target.h"

#if NONN_TARGET_DSP

#include <string.h>

#include "requantize.h"

/* Words of constants that follow the weights of four filters. */
#define CONSTANTS 16

/* Pairs of taps in a turn of the loop. */
#define UNROLLED 16

/* Two pixels, four filters at a time until `output` reaches `end`.
 *
 * A weight word holds, for two taps, 256 * a + b of two filters in each half. SMLAD with such words
 * gives 256 * A + B, the sums of both filters; SMLAD with the bytes b alone, which SXTB16 leaves,
 * gives B; so one instruction unpacks weights for two filters. Per pair of taps: the words of both
 * pixels, of filters 0 and 1 and of filters 2 and 3.
 *
 * `windows` to `windows_end` are pairs of taps of both pixels in turn. Output of the second pixel
 * goes `second` bytes after that of the first; 0 discards it. Registers: r0 windows, r1 weights,
 * r2-r5 words, r6-r12 and lr sums of filter 0 pixel 0, filter 0 pixel 1, and so on. On the stack:
 * windows, windows_end, where to enter the loop, output; above the saved registers end, second and
 * away. Assembly because compilers spill one of the sixteen values in every turn. */
__attribute__((naked, noinline, noipa)) static void multiply(
    const uint32_t *windows __attribute__((unused)),
    const uint32_t *windows_end __attribute__((unused)),
    const uint32_t *weights __attribute__((unused)), int8_t *output __attribute__((unused)),
    const int8_t *end __attribute__((unused)), int32_t second __attribute__((unused)),
    uint32_t away __attribute__((unused)), uint32_t skipped __attribute__((unused))) {
    __asm__(
        ".syntax unified\n"
        "push {r0-r11, lr}\n"
        "mov r1, r2\n"
        "ldr r2, [sp, #64]\n"
        "adr r3, 2f\n"
        "movs r4, #3f - 2f\n"
        "mla r3, r2, r4, r3\n"
        "orr r3, r3, #1\n"
        "str r3, [sp, #8]\n"

        "10:\n"
        "ldr r0, [sp]\n"
        "ldr r3, [r0, #4]\n"
        "ldr r2, [r0], #8\n"
        "ldr r5, [r1, #4]\n"
        "ldr r4, [r1], #8\n"
        "smuad r6, r4, r2\n"
        "smuad r7, r4, r3\n"
        "sxtb16 r4, r4\n"
        "smuad r8, r4, r2\n"
        "smuad r9, r4, r3\n"
        "smuad r10, r5, r2\n"
        "smuad r11, r5, r3\n"
        "sxtb16 r5, r5\n"
        "smuad r12, r5, r2\n"
        "smuad lr, r5, r3\n"
        "ldr pc, [sp, #8]\n"

        ".macro nonn_conv_step\n"
        "ldr r3, [r0, #4]\n"
        "ldr r2, [r0], #8\n"
        "ldr r5, [r1, #4]\n"
        "ldr r4, [r1], #8\n"
        "smlad r6, r4, r2, r6\n"
        "smlad r7, r4, r3, r7\n"
        "sxtb16 r4, r4\n"
        "smlad r8, r4, r2, r8\n"
        "smlad r9, r4, r3, r9\n"
        "smlad r10, r5, r2, r10\n"
        "smlad r11, r5, r3, r11\n"
        "sxtb16 r5, r5\n"
        "smlad r12, r5, r2, r12\n"
        "smlad lr, r5, r3, lr\n"
        ".endm\n"
        ".balign 4\n"
        "2: nonn_conv_step\n"
        "3:\n"
        ".rept 15\n"
        "nonn_conv_step\n"
        ".endr\n"
        "ldr r2, [sp, #4]\n"
        "cmp r0, r2\n"
        "bne 2b\n"

        /* A = (256 * A + B - B) / 256; twice that and twice the bias go to the requantisation. */
        "sub r6, r6, r8\n"
        "sub r7, r7, r9\n"
        "sub r10, r10, r12\n"
        "sub r11, r11, lr\n"
        ".macro nonn_conv_up first, second, doubling:vararg\n"
        "ldm r1!, {r2-r5}\n"
        "add \\first, r2, \\first, \\doubling\n"
        "add \\second, r2, \\second, \\doubling\n"
        "smmlar \\first, \\first, r3, r4\n"
        "smmlar \\second, \\second, r3, r4\n"
        "asr \\first, \\first, r5\n"
        "asr \\second, \\second, r5\n"
        "ssat \\first, #8, \\first\n"
        "ssat \\second, #8, \\second\n"
        ".endm\n"
        ".macro nonn_conv_away first, second, doubling:vararg\n"
        "ldm r1!, {r2-r5}\n"
        "add \\first, r2, \\first, \\doubling\n"
        "add \\second, r2, \\second, \\doubling\n"
        "add r2, r4, \\first, asr #31\n"
        "add r4, r4, \\second, asr #31\n"
        "smmlar \\first, \\first, r3, r2\n"
        "smmlar \\second, \\second, r3, r4\n"
        "asr \\first, \\first, r5\n"
        "asr \\second, \\second, r5\n"
        "ssat \\first, #8, \\first\n"
        "ssat \\second, #8, \\second\n"
        ".endm\n"
        "ldr r2, [sp, #60]\n"
        "cmp r2, #0\n"
        "bne 6f\n"
        "nonn_conv_up r6, r7, asr #7\n"
        "nonn_conv_up r8, r9, lsl #1\n"
        "nonn_conv_up r10, r11, asr #7\n"
        "nonn_conv_up r12, lr, lsl #1\n"
        "7:\n"
        "ldr r0, [sp, #12]\n"
        "ldr r2, [sp, #56]\n"
        "ldr r3, [sp, #52]\n"
        "bfi r6, r8, #8, #8\n"
        "bfi r7, r9, #8, #8\n"
        "bfi r6, r10, #16, #8\n"
        "bfi r7, r11, #16, #8\n"
        "bfi r6, r12, #24, #8\n"
        "bfi r7, lr, #24, #8\n"
        /* The second pixel first: with second = 0 it is written over. */
        "str r7, [r0, r2]\n"
        "str r6, [r0], #4\n"
        "str r0, [sp, #12]\n"
        "cmp r0, r3\n"
        "bne 10b\n"
        "add sp, sp, #16\n"
        "pop {r4-r11, pc}\n"
        "6:\n"
        "nonn_conv_away r6, r7, asr #7\n"
        "nonn_conv_away r8, r9, lsl #1\n"
        "nonn_conv_away r10, r11, asr #7\n"
        "nonn_conv_away r12, lr, lsl #1\n"
        "b 7b\n"
        ".purgem nonn_conv_step\n"
        ".purgem nonn_conv_up\n"
        ".purgem nonn_conv_away\n");
}

/* Words of input to pairs of taps, every other word of `to`: bytes 0 and 2, then 1 and 3. */
static inline void widen_16(const int8_t **from, uint32_t **to) {
    uint32_t a, b, c, d, even;
    __asm__ volatile(
        "ldr %[b], [%[from], #4]\n"
        "ldr %[c], [%[from], #8]\n"
        "ldr %[d], [%[from], #12]\n"
        "ldr %[a], [%[from]], #16\n"
        "sxtb16 %[even], %[b]\n"
        "str %[even], [%[to], #16]\n"
        "sxtb16 %[b], %[b], ror #8\n"
        "str %[b], [%[to], #24]\n"
        "sxtb16 %[even], %[c]\n"
        "str %[even], [%[to], #32]\n"
        "sxtb16 %[c], %[c], ror #8\n"
        "str %[c], [%[to], #40]\n"
        "sxtb16 %[even], %[d]\n"
        "str %[even], [%[to], #48]\n"
        "sxtb16 %[d], %[d], ror #8\n"
        "str %[d], [%[to], #56]\n"
        "sxtb16 %[even], %[a], ror #8\n"
        "str %[even], [%[to], #8]\n"
        "sxtb16 %[a], %[a]\n"
        "str %[a], [%[to]], #64\n"
        : [from] "+r"(*from), [to] "+r"(*to), [a] "=&r"(a), [b] "=&r"(b), [c] "=&r"(c),
          [d] "=&r"(d), [even] "=&r"(even)
        :
        : "memory");
}

static inline void widen_8(const int8_t **from, uint32_t **to) {
    uint32_t a, b, even;
    __asm__ volatile(
        "ldr %[b], [%[from], #4]\n"
        "ldr %[a], [%[from]], #8\n"
        "sxtb16 %[even], %[b]\n"
        "str %[even], [%[to], #16]\n"
        "sxtb16 %[b], %[b], ror #8\n"
        "str %[b], [%[to], #24]\n"
        "sxtb16 %[even], %[a], ror #8\n"
        "str %[even], [%[to], #8]\n"
        "sxtb16 %[a], %[a]\n"
        "str %[a], [%[to]], #32\n"
        : [from] "+r"(*from), [to] "+r"(*to), [a] "=&r"(a), [b] "=&r"(b), [even] "=&r"(even)
        :
        : "memory");
}

static inline void widen_4(const int8_t **from, uint32_t **to) {
    uint32_t a, even;
    __asm__ volatile(
        "ldr %[a], [%[from]], #4\n"
        "sxtb16 %[even], %[a], ror #8\n"
        "str %[even], [%[to], #8]\n"
        "sxtb16 %[a], %[a]\n"
        "str %[a], [%[to]], #16\n"
        : [from] "+r"(*from), [to] "+r"(*to), [a] "=&r"(a), [even] "=&r"(even)
        :
        : "memory");
}

/* A run of `count` taps. After the fours: 0 alone; 0 with 1; or 0 with 2 and 1 alone. */
static inline uint32_t *widen(const int8_t *from, int32_t count, uint32_t *to) {
    for (; count >= 16; count -= 16) {
        widen_16(&from, &to);
    }
    if (count & 8) {
        widen_8(&from, &to);
    }
    if (count & 4) {
        widen_4(&from, &to);
    }
    if (count & 2) {
        const uint32_t first = (uint32_t)from[0] & 0xFFFFu;
        if (count & 1) {
            to[0] = first | (uint32_t)from[2] << 16;
            to[2] = (uint32_t)from[1];
            to += 4;
        } else {
            to[0] = first | (uint32_t)from[1] << 16;
            to += 2;
        }
    } else if (count & 1) {
        to[0] = (uint32_t)from[0];
        to += 2;
    }
    return to;
}

/* A window that reaches beyond the image or has gaps: each row of taps is gathered first. */
static void widen_gathered(const nonn_conv_dsp_params *params, const int8_t *input, int32_t y,
                           int32_t x, int8_t *row, uint32_t *to) {
    for (int32_t ky = 0; ky < params->kernel_h; ++ky) {
        const int8_t *line = input + y * params->in_w * params->in_c;
        const int inside = y >= 0 && y < params->in_h;
        int8_t *taps = row;
        for (int32_t kx = 0; kx < params->kernel_w; ++kx) {
            const int32_t at = x + kx * params->dilation_w;
            if (inside && at >= 0 && at < params->in_w) {
                memcpy(taps, line + at * params->in_c, params->in_c);
            } else {
                memset(taps, params->zero_point, params->in_c);
            }
            taps += params->in_c;
        }
        to = widen(row, taps - row, to);
        y += params->dilation_h;
    }
}

/* All channels of one or two pixels whose windows are widened. */
static void convolve(const nonn_conv_dsp_params *params, const uint32_t *windows, int32_t pixels,
                     int8_t *output) {
    const uint32_t *windows_end = windows + 2 * params->pairs;
    const uint32_t skipped = (1u - params->pairs) % UNROLLED;
    const int32_t groups = params->out_c >> 2;
    const int32_t left_over = params->out_c & 3;
    if (groups > 0) {
        multiply(windows, windows_end, params->weights, output, output + 4 * groups,
                 pixels == 2 ? params->out_c : 0, params->away, skipped);
    }
    if (left_over > 0) {
        int8_t last[8];
        multiply(windows, windows_end, params->weights + groups * (2 * params->pairs + CONSTANTS),
                 last, last + 4, 4, params->away, skipped);
        for (int32_t pixel = 0; pixel < pixels; ++pixel) {
            for (int32_t k = 0; k < left_over; ++k) {
                output[pixel * params->out_c + 4 * groups + k] = last[4 * pixel + k];
            }
        }
    }
    if (params->activation_min != INT8_MIN || params->activation_max != INT8_MAX) {
        nonn_clamp_run(output, pixels * params->out_c, params->activation_min,
                       params->activation_max);
    }
}

void nonn_conv_dsp(const nonn_conv_dsp_params *params, const int8_t *input, int8_t *output,
                   void *scratch) {
    uint32_t *windows = scratch;
    int8_t *row = (int8_t *)(windows + 2 * params->pairs);
    const int32_t run = (int32_t)params->kernel_w * params->in_c;
    const int32_t line = (int32_t)params->in_w * params->in_c;
    const int32_t last_y = params->in_h - (params->kernel_h - 1) * params->dilation_h - 1;
    const int32_t last_x = params->dilation_w == 1 ? params->in_w - params->kernel_w : -1;
    int32_t left = (int32_t)params->out_h * params->out_w;
    int32_t pixel = 0;
    for (int32_t y = -(int32_t)params->pad_h; left > 0; y += params->stride_h) {
        int32_t x = -(int32_t)params->pad_w;
        for (int32_t column = 0; column < params->out_w; ++column, x += params->stride_w) {
            uint32_t *to = windows + pixel;
            if (y >= 0 && y <= last_y && x >= 0 && x <= last_x) {
                const int8_t *from = input + y * line + x * params->in_c;
                for (int32_t ky = params->kernel_h; ky > 0; --ky) {
                    to = widen(from, run, to);
                    from += params->dilation_h * line;
                }
            } else {
                widen_gathered(params, input, y, x, row, to);
            }
            ++pixel;
            --left;
            if (pixel == 2 || left == 0) {
                convolve(params, windows, pixel, output);
                output += pixel * params->out_c;
                pixel = 0;
            }
        }
    }
}

#endif
