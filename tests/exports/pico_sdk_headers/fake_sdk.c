/* The SDK and TinyUSB as a process: one CDC port whose host is a pseudo-terminal, and interrupts
 * that come when they are let. It aborts where the real ones would go wrong: TinyUSB called by two
 * at once, bytes written that are overwritten then, a sleep that misses what came before it.
 *
 *   fake            a host that takes whatever it is sent
 *   fake slow       the same, a few bytes at a time
 *   fake deaf HEX   sends HEX and takes nothing; later opens the port anew, sends HEX and takes
 *                   all. Prints the microseconds that the first took, then the bytes as hex.
 *   fake absent HEX bytes came, then the cable was pulled: prints the microseconds
 *   fake usb        prints the descriptors, and what opening at 1200 baud does
 */
#undef main
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../pseudo_terminal.h"
#include "hardware/irq.h"
#include "hardware/sync.h"
#include "hardware/timer.h"
#include "pico/bootrom.h"
#include "pico/unique_id.h"
#include "tusb.h"

#define WORKER 26u
#define PACKET 64u
#define STEP_US 10u /* of the clock, at every look */

int firmware_main(void);

uint32_t __StackBottom[16]; /* no stack at all; pico_sdk_init.cmake has its top */
uint8_t __data_start__[1], __data_end__[1], __bss_start__[1], __bss_end__[1];

typedef struct {
    uint8_t bytes[256];
    uint32_t count;
} fifo;

static enum { TAKES, SLOW, DEAF, ABSENT } host;
static int line = -1;
static irq_handler_t handler;
static bool enabled, pending, masked, in_handler;
static fifo received, sent;
static uint64_t now;
static uint8_t script[512]; /* what a host without a terminal sends */
static uint32_t script_bytes, script_sent;

static void require(bool fine, const char *what) {
    if (!fine) {
        fprintf(stderr, "%s\n", what);
        abort();
    }
}

static void put(fifo *to, const uint8_t *data, uint32_t size) {
    require(size <= sizeof to->bytes - to->count, "a FIFO overflows");
    memcpy(to->bytes + to->count, data, size);
    to->count += size;
}

static uint32_t take(fifo *from, uint8_t *data, uint32_t size) {
    const uint32_t n = size < from->count ? size : from->count;
    memcpy(data, from->bytes, n);
    memmove(from->bytes, from->bytes + n, from->count - n);
    from->count -= n;
    return n;
}

/* Interrupts. */

static void run_pending(void) {
    while (pending && enabled && !masked && !in_handler) {
        pending = false;
        in_handler = true;
        handler();
        in_handler = false;
    }
}

int user_irq_claim_unused(bool required) {
    require(required, "user_irq_claim_unused");
    return (int)WORKER;
}

void irq_set_exclusive_handler(uint num, irq_handler_t function) {
    require(num == WORKER && handler == NULL, "irq_set_exclusive_handler");
    handler = function;
}

void irq_set_priority(uint num, uint8_t priority) {
    require(num == WORKER && priority == PICO_LOWEST_IRQ_PRIORITY, "irq_set_priority");
}

void irq_set_enabled(uint num, bool on) {
    require(num == WORKER && handler != NULL, "irq_set_enabled");
    enabled = on;
    pending = false; /* as the SDK does */
}

void irq_set_pending(uint num) {
    require(num == WORKER, "irq_set_pending");
    pending = true;
    run_pending();
}

uint32_t save_and_disable_interrupts(void) {
    const uint32_t before = masked;
    masked = true;
    return before;
}

void restore_interrupts(uint32_t status) {
    masked = status != 0;
    run_pending();
}

uint64_t time_us_64(void) {
    now += STEP_US;
    if (host == SLOW && sent.count > 0) {
        tud_event_hook_cb(0, 0, true); /* the host fetches a packet */
    }
    return now;
}

/* USB. */

static void alone(void) {
    require(masked || in_handler, "TinyUSB is called while its interrupt may come");
}

bool tusb_init(void) {
    require(enabled, "tusb_init before the interrupt is ready");
    if (line < 0 && script_bytes == 0) {
        line = terminal_open();
    }
    tud_cdc_line_state_cb(0, true, false);
    return true;
}

bool tud_ready(void) {
    return host != ABSENT;
}

static void fetch(uint32_t most) {
    uint8_t packet[PACKET];
    const uint32_t n = take(&sent, packet, most);
    if (script_bytes > 0) {
        for (uint32_t i = 0; i < n; i++) {
            printf("%02x", packet[i]);
        }
    } else {
        terminal_require(write(line, packet, n) == (ssize_t)n, "write");
    }
}

static void send(void) {
    uint8_t packet[PACKET];
    if (sizeof received.bytes - received.count < PACKET) {
        return; /* the packet is not acknowledged yet */
    }
    if (script_bytes > 0) {
        uint32_t n = script_bytes - script_sent;
        n = n < PACKET ? n : PACKET;
        put(&received, script + script_sent, n);
        script_sent += n;
    } else if (terminal_ready(line, 0)) {
        const ssize_t n = read(line, packet, sizeof packet);
        terminal_require(n > 0, "read");
        put(&received, packet, (uint32_t)n);
    }
}

void tud_task(void) {
    alone();
    if (host == SLOW && sent.count > 0) {
        fetch(1 + (uint32_t)(now / STEP_US) % 7u);
    }
    while (host == TAKES && sent.count > 0) {
        fetch(PACKET);
    }
    send();
}

uint32_t tud_cdc_read(void *buffer, uint32_t bufsize) {
    alone();
    const bool was_full = sizeof received.bytes - received.count < PACKET;
    const uint32_t n = take(&received, buffer, bufsize);
    if (was_full) {
        tud_event_hook_cb(0, 0, true); /* there is room for the packet that waits */
    }
    return n;
}

uint32_t tud_cdc_write_available(void) {
    alone();
    return (uint32_t)sizeof sent.bytes - sent.count;
}

uint32_t tud_cdc_write(const void *buffer, uint32_t bufsize) {
    alone();
    require(bufsize <= tud_cdc_write_available(), "bytes would be overwritten");
    put(&sent, buffer, bufsize);
    return bufsize;
}

uint32_t tud_cdc_write_flush(void) {
    alone();
    if (sent.count > 0 && host == TAKES) {
        tud_event_hook_cb(0, 0, true);
    }
    return sent.count;
}

bool tud_cdc_n_write_clear(uint8_t itf) {
    require(itf == 0, "tud_cdc_n_write_clear");
    sent.count = 0;
    return true;
}

/* Where the script goes on: everything is answered, or given up. */
static void script_idles(void) {
    if (host == DEAF) {
        printf("%llu\n", (unsigned long long)now);
        require(sent.count > 0, "a deaf host has bytes waiting");
        host = TAKES;
        script_sent = 0;
        masked = false;
        tud_cdc_line_state_cb(0, false, false);
        tud_cdc_line_state_cb(0, true, false);
        tud_event_hook_cb(0, 0, true);
        masked = true;
    } else {
        if (host == ABSENT) {
            printf("%llu", (unsigned long long)now);
        }
        printf("\n");
        exit(0);
    }
}

void __wfi(void) {
    require(masked, "what comes before the sleep would be slept through");
    if (pending) {
        return;
    }
    if (script_bytes > 0 && script_sent == script_bytes) {
        script_idles();
    } else if (script_bytes == 0) {
        (void)terminal_ready(line, host == SLOW && sent.count > 0 ? 0 : -1);
    }
    pending = true;
}

void reset_usb_boot(uint32_t usb_activity_gpio_pin_mask, uint32_t disable_interface_mask) {
    printf("boot loader %u %u\n", (unsigned)usb_activity_gpio_pin_mask,
           (unsigned)disable_interface_mask);
}

void pico_get_unique_board_id_string(char *id_out, uint len) {
    (void)snprintf(id_out, len, "E66058388348892F");
}

static void print_bytes(const uint8_t *data, uint32_t size) {
    for (uint32_t i = 0; i < size; i++) {
        printf("%02x", data[i]);
    }
    printf("\n");
}

static void print_usb(void) {
    print_bytes(tud_descriptor_device_cb(), tud_descriptor_device_cb()[0]);
    const uint8_t *configuration = tud_descriptor_configuration_cb(0);
    print_bytes(configuration, configuration[2] | (uint32_t)configuration[3] << 8);
    for (uint8_t i = 0; tud_descriptor_string_cb(i, 0x0409) != NULL; i++) {
        const uint16_t *string = tud_descriptor_string_cb(i, 0x0409);
        print_bytes((const uint8_t *)string, string[0] & 0xff);
    }
    const uint32_t rates[] = {9600, 115200, 1200};
    for (uint32_t i = 0; i < 3; i++) {
        const cdc_line_coding_t coding = {.bit_rate = rates[i], .data_bits = 8};
        printf("%u\n", (unsigned)rates[i]);
        tud_cdc_line_coding_cb(0, &coding);
    }
}

int main(int count, char **arguments) {
    const char *behaviour = count > 1 ? arguments[1] : "";
    if (strcmp(behaviour, "usb") == 0) {
        print_usb();
        return 0;
    }
    host = strcmp(behaviour, "slow") == 0     ? SLOW
           : strcmp(behaviour, "deaf") == 0   ? DEAF
           : strcmp(behaviour, "absent") == 0 ? ABSENT
                                              : TAKES;
    unsigned byte;
    for (const char *at = count > 2 ? arguments[2] : ""; sscanf(at, "%2x", &byte) == 1; at += 2) {
        script[script_bytes++] = (uint8_t)byte;
    }
    return firmware_main();
}
