#ifndef HARDWARE_TIMER_H
#define HARDWARE_TIMER_H
#include <stdint.h>

uint64_t time_us_64(void);
#endif
