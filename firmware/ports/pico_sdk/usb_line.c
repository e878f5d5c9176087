/* TinyUSB's work is done in an interrupt of its own, below all others: a host that opens the port
 * or resets the bus is answered while a model runs for minutes. Whoever calls TinyUSB outside that
 * interrupt masks it for the few microseconds this takes, since TinyUSB would wait for itself. */
#include "usb_line.h"

#include <stdbool.h>

#include "hardware/irq.h"
#include "hardware/sync.h"
#include "hardware/timer.h"
#include "pico/bootrom.h"
#include "tusb.h"

#define PATIENCE_US 500000u
#define BAUD_FOR_BOOTLOADER 1200u /* what a host opens a port with to ask for it */

static uint worker; /* the interrupt's number */
static bool terminal;
static bool given_up;

static void serve(void) {
    tud_task();
}

/* TinyUSB has something to do. It may be told from its own interrupt, which the worker's never
 * precedes. */
void tud_event_hook_cb(uint8_t rhport, uint32_t eventid, bool in_isr) {
    (void)rhport;
    (void)eventid;
    (void)in_isr;
    irq_set_pending(worker);
}

/* What an earlier program did not fetch is not for the next one. */
void tud_cdc_line_state_cb(uint8_t itf, bool dtr, bool rts) {
    (void)rts;
    if (dtr && !terminal) {
        (void)tud_cdc_n_write_clear(itf);
    }
    terminal = dtr;
}

void tud_cdc_line_coding_cb(uint8_t itf, const cdc_line_coding_t *coding) {
    (void)itf;
    if (coding->bit_rate == BAUD_FOR_BOOTLOADER) {
        reset_usb_boot(0, 0);
    }
}

void usb_line_start(void) {
    worker = (uint)user_irq_claim_unused(true);
    irq_set_exclusive_handler(worker, serve);
    irq_set_priority(worker, PICO_LOWEST_IRQ_PRIORITY);
    irq_set_enabled(worker, true);
    tusb_init();
}

size_t usb_line_read(uint8_t *data, size_t capacity) {
    for (;;) {
        const uint32_t interrupts = save_and_disable_interrupts();
        const uint32_t n = tud_cdc_read(data, (uint32_t)capacity);
        if (n == 0) {
            __wfi(); /* a masked interrupt ends it too, so none is slept through */
        }
        restore_interrupts(interrupts);
        if (n > 0) {
            return n;
        }
    }
}

/* Never more than there is room for: TinyUSB overwrites what waits when no terminal is known. */
static uint32_t write_some(const uint8_t *data, size_t size) {
    const uint32_t interrupts = save_and_disable_interrupts();
    const uint32_t room = tud_cdc_write_available();
    uint32_t n = size < room ? (uint32_t)size : room;
    if (n > 0) {
        n = tud_cdc_write(data, n);
    }
    (void)tud_cdc_write_flush();
    restore_interrupts(interrupts);
    return n;
}

void usb_line_write(const uint8_t *data, size_t size) {
    uint64_t since = time_us_64();
    while (size > 0 && tud_ready()) {
        const uint32_t n = write_some(data, size);
        if (n > 0) {
            data += n;
            size -= n;
            given_up = false;
            since = time_us_64();
        } else if (given_up || time_us_64() - since >= PATIENCE_US) {
            given_up = true;
            return;
        }
    }
}
