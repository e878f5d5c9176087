/* Zephyr as a process: one thread, whose UART interrupt comes while it waits for a semaphore.
 *
 * The first argument is what the UART does: "works", "is absent", or "refuses" interrupts. The
 * cycle counter runs at 48 MHz and leaps by 0x60000000 whenever it is asked, so that it wraps every
 * third time. */
#define _DEFAULT_SOURCE
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <string.h>
#include <zephyr/device.h>
#include <zephyr/devicetree.h>
#include <zephyr/drivers/uart.h>
#include <zephyr/kernel.h>
#include <zephyr/linker/linker-defs.h>
#include <zephyr/sys/ring_buffer.h>

#include "../pseudo_terminal.h"

#define CYCLES_PER_SECOND 48000000

const struct device fake_console = {"console"};
const struct device fake_nonn_uart = {"nonn_uart"};

/* The linker's names: 3000 bytes of .bss and 500 of .data, which lie here one behind the other. */
__asm__(
    ".pushsection .bss\n"
    ".globl fake_bss_start, __bss_end, __data_region_start, __data_region_end\n"
    "fake_bss_start: .skip 3000\n__bss_end:\n"
    "__data_region_start: .skip 500\n__data_region_end:\n"
    ".popsection\n");

static const char *behaviour = "works";
static int line = -1;
static uart_irq_callback_user_data_t interrupt;
static const struct device *chosen;
static int interrupts_on;
static unsigned int locks;

static void require(int fine, int code) {
    if (!fine) {
        exit(code);
    }
}

bool device_is_ready(const struct device *device) {
#if defined(FAKE_NONN_UART)
    require(device == &fake_nonn_uart, 2);
#else
    require(device == &fake_console, 2);
#endif
    return strcmp(behaviour, "is absent") != 0;
}

int uart_irq_callback_user_data_set(const struct device *uart,
                                    uart_irq_callback_user_data_t callback, void *user_data) {
    require(user_data == NULL, 3);
    chosen = uart;
    interrupt = callback;
    return strcmp(behaviour, "refuses") == 0 ? -ENOTSUP : 0;
}

void uart_irq_rx_enable(const struct device *uart) {
    (void)uart;
    interrupts_on = 1;
}

int uart_irq_update(const struct device *uart) {
    (void)uart;
    return 1;
}

int uart_irq_rx_ready(const struct device *uart) {
    (void)uart;
    return terminal_ready(line, 0);
}

/* A FIFO of four bytes. */
int uart_fifo_read(const struct device *uart, uint8_t *data, const int size) {
    (void)uart;
    return (int)read(line, data, (size_t)(size < 4 ? size : 4));
}

void uart_poll_out(const struct device *uart, unsigned char byte) {
    (void)uart;
    require(write(line, &byte, 1) == 1, 4);
}

void k_sem_give(struct k_sem *sem) {
    sem->count += sem->count < sem->limit;
}

int k_sem_take(struct k_sem *sem, k_timeout_t timeout) {
    require(timeout.ticks == K_FOREVER.ticks && interrupts_on && locks == 0, 5);
    while (sem->count == 0) {
        terminal_ready(line, -1);
        interrupt(chosen, NULL);
    }
    sem->count--;
    return 0;
}

/* Between two looks at the counter less than all of its 2^32 cycles may pass, 89 s at 48 MHz. */
void k_timer_start(struct k_timer *timer, k_timeout_t duration, k_timeout_t period) {
    require(duration.ticks > 0 && duration.ticks < 89000 / 2, 6);
    require(period.ticks > 0 && period.ticks < 89000 / 2, 6);
    timer->expired(timer);
}

static struct k_thread thread = {{0, 4096}};

k_tid_t k_current_get(void) {
    return &thread;
}

int k_thread_stack_space_get(const struct k_thread *of, size_t *unused) {
    require(of == &thread, 7);
    *unused = 3000;
    return 0;
}

uint32_t k_cycle_get_32(void) {
    static uint32_t now;
    require(locks == 1, 8);
    now += 0x60000000u;
    return now;
}

int sys_clock_hw_cycles_per_sec(void) {
    return CYCLES_PER_SECOND;
}

unsigned int irq_lock(void) {
    return locks++;
}

void irq_unlock(unsigned int key) {
    locks = key;
}

uint32_t ring_buf_put(struct ring_buf *ring, const uint8_t *data, uint32_t size) {
    uint32_t done = 0;
    while (done < size && ring->put - ring->got < ring->size) {
        ring->buffer[ring->put++ % ring->size] = data[done++];
    }
    return done;
}

uint32_t ring_buf_get(struct ring_buf *ring, uint8_t *data, uint32_t size) {
    uint32_t done = 0;
    while (done < size && ring->got != ring->put) {
        data[done++] = ring->buffer[ring->got++ % ring->size];
    }
    return done;
}

int zephyr_main(void);

int main(int argc, char **argv) {
    behaviour = argc > 1 ? argv[1] : behaviour;
    line = terminal_open();
    return -zephyr_main();
}
