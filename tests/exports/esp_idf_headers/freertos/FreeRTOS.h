#ifndef FREERTOS_H
#define FREERTOS_H
#include <stdint.h>

typedef uint32_t TickType_t;
typedef unsigned int UBaseType_t;
#define portMAX_DELAY ((TickType_t)0xffffffffu)
#define configTICK_RATE_HZ 100
#define pdMS_TO_TICKS(milliseconds)                                               \
    ((TickType_t)(((TickType_t)(milliseconds) * (TickType_t)configTICK_RATE_HZ) / \
                  (TickType_t)1000u))
#endif
