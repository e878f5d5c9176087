/* The second phase of nonn/kernels/helium_tile.h: sums to outputs, four channels of four pixels
 * each time. */
#ifndef NONN_HELIUM_OUTPUTS_H
#define NONN_HELIUM_OUTPUTS_H

#include "nonn/kernels/helium_tile.h"

/* By one line, where the filters have a scale: two words per channel. */
nonn_helium_code nonn_helium_scale_quads;

/* For any limits, and for those of int8: three words per channel. */
nonn_helium_code nonn_helium_requantize_quads, nonn_helium_requantize_quads_unlimited;

#endif
