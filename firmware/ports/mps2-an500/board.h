/* Arm MPS2 with FPGA image AN500 (Cortex-M7), as QEMU's mps2-an500 emulates it. */
#ifndef NONN_BOARD_H
#define NONN_BOARD_H

#include "mps2.h"

#define NONN_BOARD_NAME "mps2-an500"
#define NONN_BOARD_CORE "cortex-m7"

#endif
