/* A core as a process. The first argument says how its Serial behaves:
 *
 *   roomy      says how much room it has, and takes as much
 *   shy        never says that it has room, as streams do that do not know
 *   slow       takes less than it says, and every other time nothing
 *   deaf       takes nothing until it has been fed the bytes of the second argument (hexadecimal),
 * then all; it is no terminal: what it took by then is printed, and how long loop() stood still
 *
 * micros() leaps by 0x60000000 whenever it is asked, so that it wraps every third time. */
#include <Arduino.h>
#include <stdlib.h>
#include <string.h>

#include "../pseudo_terminal.h"

static const char *behaviour;
static int line = -1;
static const char *feed;  /* deaf: what has not arrived yet */
static bool hears = true; /* deaf: whether anything is taken */
static unsigned long unflushed;
static uint32_t milliseconds = UINT32_MAX - 100; /* time passes in yield(), and wraps soon */

HardwareSerial Serial;

unsigned long millis(void) {
    return milliseconds;
}

unsigned long micros(void) {
    static uint32_t now;
    now += 0x60000000u;
    return now;
}

void yield(void) {
    milliseconds++;
}

void HardwareSerial::begin(unsigned long baud) {
    if (baud != 115200) {
        exit(2);
    }
}

int HardwareSerial::availableForWrite() {
    return strcmp(behaviour, "shy") == 0 || !hears ? 0 : 63;
}

size_t HardwareSerial::write(uint8_t byte) {
    return write(&byte, 1);
}

size_t HardwareSerial::write(const uint8_t *data, size_t size) {
    static unsigned calls;
    const int room = availableForWrite();
    if (size > (room > 0 ? static_cast<size_t>(room) : 1)) {
        exit(3); /* a core may block here, or drop bytes */
    }
    if (strcmp(behaviour, "slow") == 0 && ++calls % 2 == 0) {
        return calls % 4 == 0 ? 0 : SIZE_MAX; /* nothing, and nothing said as -1 */
    }
    if (!hears) {
        return 0;
    }
    if (line < 0) {
        for (size_t i = 0; i < size; i++) {
            printf("%02x", static_cast<unsigned>(data[i]));
        }
        return size;
    }
    const size_t taken = strcmp(behaviour, "slow") == 0 ? (size + 1) / 2 : size;
    const ssize_t written = ::write(line, data, taken);
    unflushed += written > 0 ? static_cast<unsigned long>(written) : 0;
    return written > 0 ? static_cast<size_t>(written) : 0;
}

void HardwareSerial::flush() {
    unflushed = 0;
}

int HardwareSerial::available() {
    if (line < 0) {
        return static_cast<int>(strlen(feed) / 2);
    }
    return terminal_ready(line, 0);
}

int HardwareSerial::read() {
    uint8_t byte = 0;
    if (line >= 0) {
        return terminal_ready(line, 0) && ::read(line, &byte, 1) == 1 ? byte : -1;
    }
    if (*feed == '\0') {
        return -1;
    }
    const char digits[3] = {feed[0], feed[1], '\0'};
    feed += 2;
    return static_cast<int>(strtol(digits, nullptr, 16));
}

int HardwareSerial::peek() {
    return -1;
}

static int run_deaf(const char *bytes) {
    hears = false;
    feed = bytes;
    setup();
    const uint32_t start = milliseconds;
    while (*feed != '\0') {
        loop();
    }
    loop();
    printf("%u\n", milliseconds - start);
    hears = true;
    feed = bytes;
    while (*feed != '\0') {
        loop();
    }
    loop();
    printf("\n");
    return 0;
}

int main(int argc, char **argv) {
    behaviour = argc > 1 ? argv[1] : "roomy";
    if (argc > 2) {
        return run_deaf(argv[2]);
    }
    line = terminal_open();
    setup();
    for (;;) {
        terminal_ready(line, -1);
        loop();
        if (unflushed != 0) {
            return 4;
        }
    }
}
