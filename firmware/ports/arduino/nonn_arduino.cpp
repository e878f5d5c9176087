#if defined(ARDUINO)

#include "nonn_arduino.h"

#if defined(ARDUINO_BOARD)
#define NONN_BOARD_NAME ARDUINO_BOARD
#elif defined(USB_PRODUCT)
#define NONN_BOARD_NAME USB_PRODUCT
#else
#define NONN_BOARD_NAME "arduino"
#endif

#if defined(__ARM_ARCH_6M__)
#define NONN_CORE_NAME "armv6-m"
#elif defined(__ARM_ARCH_7M__)
#define NONN_CORE_NAME "armv7-m"
#elif defined(__ARM_ARCH_7EM__)
#define NONN_CORE_NAME "armv7e-m"
#elif defined(__ARM_ARCH_8M_BASE__) || defined(__ARM_ARCH_8M_MAIN__)
#define NONN_CORE_NAME "armv8-m"
#elif defined(__ARM_ARCH_8_1M_MAIN__)
#define NONN_CORE_NAME "armv8.1-m"
#elif defined(__XTENSA__)
#define NONN_CORE_NAME "xtensa"
#elif defined(__riscv)
#define NONN_CORE_NAME "riscv"
#else
#define NONN_CORE_NAME "unknown"
#endif

NonnDevice Nonn;

namespace {

/* Milliseconds without a byte going out before the rest is dropped. */
const uint32_t patience = 250;

Stream *line;
nonn_port port;
nonn_device device;
bool unheard; /* the host stopped taking bytes in this poll() */
bool written; /* since the last flush */

size_t read_line(uint8_t *data, size_t capacity) {
    size_t count = 0;
    while (count < capacity && line->available() > 0) {
        const int byte = line->read();
        if (byte < 0) {
            break;
        }
        data[count++] = static_cast<uint8_t>(byte);
    }
    return count;
}

/* No room is also what a stream says that does not know how much it has: then byte by byte. Some
 * cores return an error as a huge count. */
size_t write_some(const uint8_t *data, size_t size) {
    const int room = line->availableForWrite();
    const size_t most = room > 0 ? static_cast<size_t>(room) : 1;
    const size_t chunk = size < most ? size : most;
    const size_t count = line->write(data, chunk);
    return count <= chunk ? count : 0;
}

/* Over USB nobody may be there to take the bytes: then they are dropped rather than loop() stopped.
 */
void write_line(const uint8_t *data, size_t size) {
    uint32_t last = static_cast<uint32_t>(millis());
    while (size > 0 && !unheard) {
        const size_t count = write_some(data, size);
        const uint32_t now = static_cast<uint32_t>(millis());
        if (count > 0) {
            data += count;
            size -= count;
            last = now;
            written = true;
        } else if (static_cast<uint32_t>(now - last) >= patience) {
            unheard = true;
        } else {
            yield();
        }
    }
}

/* The 32 bits of micros() made 64; they wrap after 71 minutes, and poll() looks more often. */
uint64_t microseconds() {
    static uint64_t now;
    now += static_cast<uint32_t>(static_cast<uint32_t>(micros()) - static_cast<uint32_t>(now));
    return now;
}

} /* namespace */

void NonnDevice::begin(Stream &stream) {
    line = &stream;
    unheard = false;
    written = false;
    port = nonn_port();
    port.board = NONN_BOARD_NAME;
    port.core = NONN_CORE_NAME;
    port.tick_unit = "us";
    port.tick_numerator = 1;
    port.tick_denominator = 1;
    port.ticks_per_second = 1000000;
    port.read = read_line;
    port.write = write_line;
    port.ticks = microseconds;
    nonn_device_init(&device, &nonn_model, &port);
    nonn_device_greet(&device);
}

void NonnDevice::poll() {
    if (line == nullptr) {
        return;
    }
    (void)microseconds();
    unheard = false;
    nonn_device_poll(&device);
    if (written) {
        written = false;
        line->flush();
    }
}

#endif
