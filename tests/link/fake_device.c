/* The device library as a process on standard input and output, over a fake model that is watched.
 *
 * Arguments: "survives" keeps the inputs over a run, "fails" makes each run fail, "fails-later" all
 * but the first, "slow" makes it take 0.3 s, "banner" prints text at start and after a reset,
 * "greets" prints what nonn_device_run would. "autoencoder" and "no-start" are other models, "head"
 * is one more, and "energy" is a board with a pin: each pulse prints <pulse>. "no-clock" has ticks
 * that are no time. SIGUSR1 is a reset: everything is forgotten.
 */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fake_model.h"
#include "nonn/device.h"

static volatile sig_atomic_t reset_wanted = 1;
static bool slow;

static void on_signal(int number) {
    (void)number;
    reset_wanted = 1;
}

static size_t port_read(uint8_t *data, size_t capacity) {
    const ssize_t count = read(STDIN_FILENO, data, capacity);
    if (count == 0 || (count < 0 && errno != EINTR)) {
        exit(0); /* the other end is gone */
    }
    return count > 0 ? (size_t)count : 0;
}

static void port_write(const uint8_t *data, size_t size) {
    while (size > 0) {
        const ssize_t count = write(STDOUT_FILENO, data, size);
        if (count < 0 && errno != EINTR) {
            exit(0);
        }
        if (count > 0) {
            data += count;
            size -= (size_t)count;
        }
    }
}

/* Of work: a slow device burns them, so that a run takes longer than any wait for it. */
static uint64_t port_ticks(void) {
    static uint64_t ticks;
    if (slow) {
        const struct timespec pause = {0, 150000000};
        nanosleep(&pause, NULL);
    }
    ticks += 40;
    return ticks;
}

static uint32_t port_stack(void) {
    return 777;
}

static void port_mark(void) {
    port_write((const uint8_t *)"<pulse>", 7);
}

/* A tick is 50 ns, and each look at the clock takes 2 us. */
static nonn_port port = {
    .board = "fake",
    .core = "none",
    .tick_unit = "steps",
    .tick_numerator = 125,
    .tick_denominator = 4,
    .ticks_per_second = 20000000u,
    .static_bytes = 4321,
    .read = port_read,
    .write = port_write,
    .ticks = port_ticks,
    .stack_high_water = port_stack,
};

int main(int argc, char **argv) {
    bool survives = false, banner = false, greets = false;
    long good_runs = LONG_MAX;
    for (int i = 1; i < argc; i++) {
        survives |= strcmp(argv[i], "survives") == 0;
        good_runs = strcmp(argv[i], "fails") == 0 ? 0 : good_runs;
        good_runs = strcmp(argv[i], "fails-later") == 0 ? 1 : good_runs;
        banner |= strcmp(argv[i], "banner") == 0;
        slow |= strcmp(argv[i], "slow") == 0;
        greets |= strcmp(argv[i], "greets") == 0;
        if (strcmp(argv[i], "energy") == 0) {
            port.mark = port_mark;
        }
        if (strcmp(argv[i], "no-clock") == 0) {
            port.ticks_per_second = 0;
        }
    }
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGUSR1, &action, NULL);
    const nonn_model_t *model = fake_model(survives, good_runs);
    for (int i = 1; i < argc; i++) {
        model = strcmp(argv[i], "autoencoder") == 0 ? fake_autoencoder() : model;
        model = strcmp(argv[i], "no-start") == 0 ? fake_failure() : model;
    }
    for (int i = 1; i < argc; i++) {
        model = strcmp(argv[i], "head") == 0 ? fake_with_head(model) : model;
    }
    nonn_device *device = malloc(sizeof *device);
    if (device == NULL) {
        return 1;
    }
    for (;;) {
        if (reset_wanted != 0) {
            reset_wanted = 0;
            fake_model_forget();
            nonn_device_init(device, model, &port);
            if (banner) {
                const char text[] = "\r\nBoot v1.2 \x1b[32mready\x1b[0m\r\n";
                port_write((const uint8_t *)text, sizeof text - 1);
            }
            if (greets) {
                nonn_device_greet(device);
            }
        }
        nonn_device_poll(device);
        fake_model_check_guards();
    }
}
