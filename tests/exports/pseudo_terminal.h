/* A raw pseudo-terminal for firmware that runs as a process: its name is the first line of stdout.
 */
#ifndef PSEUDO_TERMINAL_H
#define PSEUDO_TERMINAL_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

/* Ends the process the ordinary way, so that the sanitizers can report. */
static inline void terminal_stop(int number) {
    (void)number;
    exit(0);
}

static inline void terminal_require(int fine, const char *what) {
    if (!fine) {
        perror(what);
        exit(1);
    }
}

/* Returns our side; the other one stays open, so that clients may come and go. */
static inline int terminal_open(void) {
    const int line = posix_openpt(O_RDWR | O_NOCTTY);
    terminal_require(line >= 0 && grantpt(line) == 0 && unlockpt(line) == 0, "posix_openpt");
    const int other = open(ptsname(line), O_RDWR | O_NOCTTY);
    struct termios settings;
    terminal_require(other >= 0 && tcgetattr(other, &settings) == 0, "open");
    cfmakeraw(&settings);
    terminal_require(tcsetattr(other, TCSANOW, &settings) == 0, "tcsetattr");
    terminal_require(signal(SIGTERM, terminal_stop) != SIG_ERR, "signal");
    terminal_require(printf("%s\n", ptsname(line)) > 0 && fflush(stdout) == 0, "stdout");
    return line;
}

/* Whether a byte has arrived, within `milliseconds`; -1: wait for it. */
static inline int terminal_ready(int line, int milliseconds) {
    struct pollfd wanted = {line, POLLIN, 0};
    return poll(&wanted, 1, milliseconds) > 0;
}

#endif
