/* The text side's numbers as a process. Reads records of a letter and four 32-bit words, answers
 * each by a line: "q", bits of a float, bits of a scale, zero point: the int8. "d", distance, bits
 * of a scale: the value with three decimals. "m", bits of two scales, zero point of both, count:
 * then that many bytes of either tensor follow; their mean squared difference. "w", a number:
 * itself. */
#include <stdio.h>
#include <string.h>

#include "../../firmware/device/mlperf.h"
#include "../../firmware/device/mlperf_real.h"

static void to_stdout(const uint8_t *data, size_t size) {
    (void)fwrite(data, 1, size, stdout);
}

static float real(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

int main(void) {
    static nonn_device device;
    static const nonn_port port = {.write = to_stdout};
    static int8_t data[2][4096];
    device.port = &port;
    int letter;
    uint32_t words[4];
    while ((letter = getchar()) != EOF && fread(words, sizeof words, 1, stdin) == 1) {
        nonn_tensor a = {.scale = real(words[1]), .zero_point = (int32_t)words[2]};
        if (letter == 'q') {
            nonn_say_with(&device, "$", nonn_real_quantize(words[0], &a));
        } else if (letter == 'd') {
            const int32_t distance = (int32_t)words[0];
            nonn_say_real(&device, distance < 0, nonn_real_dequantize(distance, real(words[1])));
        } else if (letter == 'm') {
            nonn_tensor b = {.scale = real(words[0]), .zero_point = (int32_t)words[2]};
            a.bytes = b.bytes = words[3];
            if (fread(data[0], 1, a.bytes, stdin) + fread(data[1], 1, b.bytes, stdin) !=
                2 * a.bytes) {
                return 1;
            }
            nonn_say_real(&device, false, nonn_real_mean_square(&b, data[0], &a, data[1]));
        } else {
            nonn_say_with(&device, "$", (int32_t)words[0]);
        }
        nonn_say(&device, "\n");
        nonn_say_flush(&device);
    }
    return 0;
}
