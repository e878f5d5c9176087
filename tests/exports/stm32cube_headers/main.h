/* Stands for the main.h that STM32CubeMX generates. */
#ifndef MAIN_H
#define MAIN_H

#include "stm32_hal.h"

#endif
