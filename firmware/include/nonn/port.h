/* The contract between a board and the device library.
 *
 * A board fills in one nonn_port and its main() hands it to nonn_device_run() (nonn/device.h),
 * which never returns. The line must carry all 256 byte values: no XON/XOFF, no CR/LF translation,
 * no echo. Nothing else may write to it in the middle of a frame; text between two frames does no
 * harm.
 */
#ifndef NONN_PORT_H
#define NONN_PORT_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct {
    const char *board; /* "mps2-an386": printable ASCII, at most 31 characters */
    const char *core;  /* "cortex-m4": printable ASCII, at most 31 characters */

    /* What ticks() counts: one tick is tick_numerator / tick_denominator units.
     * SysTick under QEMU on the MPS2 boards: "instructions", 40, 1; on mps3-an547: "instructions",
     * 125, 4; DWT CYCCNT: "cycles", 1, 1; clock_gettime: "ns", 1, 1. Unit: at most 15 characters.
     */
    const char *tick_unit;
    uint32_t tick_numerator;
    uint32_t tick_denominator; /* not 0 */
    uint32_t ticks_per_second; /* 0: ticks() is no clock */

    uint32_t static_bytes; /* RAM of .data and .bss as linked, stack excluded; 0: not known */

    /* Copies up to `capacity` (at least 1) received bytes to `data` and returns how many, 0 if
     * there are none. It may sleep until a byte arrives, and should rather than spin; it must not
     * wait for more than one. */
    size_t (*read)(uint8_t *data, size_t capacity);

    /* Sends `size` bytes (1..64), returning when all of them are on their way. Where nobody listens
     * it drops them rather than wait: the greeting at start is for whoever is there. */
    void (*write)(const uint8_t *data, size_t size);

    /* A counter that never wraps and never runs backwards. NULL: there is none, and 0 is reported.
     */
    uint64_t (*ticks)(void);

    /* The most stack ever in use, in bytes. NULL: not known, and 0 is reported. */
    uint32_t (*stack_high_water)(void);

    /* Pulls the pin that an energy monitor watches low for at least 1 us, to mark a moment. NULL:
     * there is no such pin, and moments are told in microseconds over the line. */
    void (*mark)(void);
} nonn_port;

#ifdef __cplusplus
}
#endif

#endif
