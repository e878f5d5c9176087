#ifndef PICO_UNIQUE_ID_H
#define PICO_UNIQUE_ID_H
#include <sys/types.h>

#include "hardware/irq.h"

#define PICO_UNIQUE_BOARD_ID_SIZE_BYTES 8
void pico_get_unique_board_id_string(char *id_out, uint len);
#endif
