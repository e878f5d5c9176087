/* Arm MPS2 with FPGA image AN386 (Cortex-M4), as QEMU's mps2-an386 emulates it. */
#ifndef NONN_BOARD_H
#define NONN_BOARD_H

#include "mps2.h"

#define NONN_BOARD_NAME "mps2-an386"
#define NONN_BOARD_CORE "cortex-m4"

#endif
