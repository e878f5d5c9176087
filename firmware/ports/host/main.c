/* The device as a process: it opens a pseudo-terminal, prints the name of its slave as the first
 * line of stdout and serves until SIGTERM or SIGINT. Sanitizers run on this port; a Raspberry Pi
 * builds it too. */
#define _XOPEN_SOURCE 700

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/select.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "nonn/device.h"

#if defined(__aarch64__)
#define CORE "aarch64"
#elif defined(__arm__)
#define CORE "arm"
#elif defined(__x86_64__)
#define CORE "x86-64"
#else
#define CORE "unknown"
#endif

static int line = -1; /* the master side */
static sigset_t while_waiting;
static volatile sig_atomic_t told_to_stop;

static void stop(int number) {
    (void)number;
    told_to_stop = 1;
}

static void fail(const char *what) {
    perror(what);
    exit(1);
}

/* Only here can the signals arrive, so none is missed between a test and the wait; exit() and not
 * death by signal, since the sanitizers report leaks at exit. */
static size_t read_line(uint8_t *data, size_t capacity) {
    for (;;) {
        fd_set ready;
        FD_ZERO(&ready);
        FD_SET(line, &ready);
        const int found = pselect(line + 1, &ready, NULL, NULL, NULL, &while_waiting);
        if (told_to_stop) {
            exit(0);
        }
        if (found < 0 && errno != EINTR) {
            fail("pselect");
        }
        if (found > 0) {
            const ssize_t n = read(line, data, capacity);
            if (n > 0) {
                return (size_t)n;
            }
            if (n < 0 && errno != EINTR && errno != EAGAIN) {
                fail("read");
            }
        }
    }
}

static void write_line(const uint8_t *data, size_t size) {
    while (size > 0) {
        const ssize_t n = write(line, data, size);
        if (n < 0 && errno != EINTR && errno != EAGAIN) {
            fail("write");
        }
        if (n > 0) {
            data += n;
            size -= (size_t)n;
        }
    }
}

static uint64_t nanoseconds(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return 0;
    }
    return (uint64_t)now.tv_sec * UINT64_C(1000000000) + (uint64_t)now.tv_nsec;
}

/* The slave stays open here too: else the line would break whenever a client closes it. */
static const char *open_line(void) {
    line = posix_openpt(O_RDWR | O_NOCTTY);
    if (line < 0 || grantpt(line) != 0 || unlockpt(line) != 0) {
        fail("posix_openpt");
    }
    const char *name = ptsname(line);
    const int slave = name == NULL ? -1 : open(name, O_RDWR | O_NOCTTY);
    struct termios settings;
    if (slave < 0 || tcgetattr(slave, &settings) != 0) {
        fail("open the slave");
    }
    settings.c_iflag = 0;
    settings.c_oflag = 0;
    settings.c_lflag = 0;
    settings.c_cflag |= CS8 | CREAD | CLOCAL;
    settings.c_cc[VMIN] = 1;
    settings.c_cc[VTIME] = 0;
    if (tcsetattr(slave, TCSANOW, &settings) != 0) {
        fail("tcsetattr");
    }
    return name;
}

static void catch_signals(void) {
    struct sigaction action = {.sa_handler = stop};
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    if (sigprocmask(SIG_BLOCK, &signals, &while_waiting) != 0 ||
        sigaction(SIGTERM, &action, NULL) != 0 || sigaction(SIGINT, &action, NULL) != 0) {
        fail("sigaction");
    }
    sigdelset(&while_waiting, SIGTERM);
    sigdelset(&while_waiting, SIGINT);
}

int main(void) {
    static const nonn_port port = {
        .board = "host",
        .core = CORE,
        .tick_unit = "ns",
        .tick_numerator = 1,
        .tick_denominator = 1,
        .ticks_per_second = 1000000000u,
        .read = read_line,
        .write = write_line,
        .ticks = nanoseconds,
    };
    catch_signals();
    if (printf("%s\n", open_line()) < 0 || fflush(stdout) != 0) {
        fail("stdout");
    }
    nonn_device_run(&port);
    return 0;
}
