#include "mlperf.h"

/* Small writes are slow where each is a packet. */
enum { STAGE_AT = NONN_LONGEST_COMMAND + 16, STAGE_BYTES = 64 };

void nonn_say_flush(nonn_device *device) {
    if (device->text.staged > 0) {
        device->port->write(device->buffer + STAGE_AT, device->text.staged);
        device->text.staged = 0;
    }
}

void nonn_say_char(nonn_device *device, char c) {
    device->buffer[STAGE_AT + device->text.staged++] = (uint8_t)c;
    if (device->text.staged == STAGE_BYTES) {
        nonn_say_flush(device);
    }
}

void nonn_say_count(nonn_device *device, uint64_t count) {
    char digits[20];
    int n = 0;
    do {
        digits[n++] = (char)('0' + nonn_divide(&count, 10));
    } while (count != 0);
    while (n > 0) {
        nonn_say_char(device, digits[--n]);
    }
}

void nonn_say_with(nonn_device *device, const char *text, int32_t number) {
    for (; *text != '\0'; text++) {
        if (*text == '$') {
            uint32_t size = (uint32_t)number;
            if (number < 0) {
                nonn_say_char(device, '-');
                size = 0 - size;
            }
            nonn_say_count(device, size);
            continue;
        }
        if (*text == '\n') {
            nonn_say_char(device, '\r');
        }
        nonn_say_char(device, *text);
    }
}

void nonn_say(nonn_device *device, const char *text) {
    nonn_say_with(device, text, 0);
}

void nonn_say_words(nonn_device *device, const char *words) {
    for (; *words != '\0'; words++) {
        nonn_say_char(device, *words >= ' ' && *words <= '~' && *words != '%' ? *words : '?');
    }
}

void nonn_say_error(nonn_device *device, const char *error) {
    nonn_say(device, "e-[");
    nonn_say_with(device, error, device->text.detail);
    nonn_say(device, "]\n");
}
