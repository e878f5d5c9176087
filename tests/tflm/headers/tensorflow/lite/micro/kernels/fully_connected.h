#ifndef STAND_IN_FULLY_CONNECTED_H
#define STAND_IN_FULLY_CONNECTED_H

#include "tensorflow/lite/micro/micro_common.h"

namespace tflite {
struct OpDataFullyConnected {
#ifndef STAND_IN_OF_EARLY_2024
    bool is_per_channel;
#endif
    int32_t output_multiplier;
};
TFLMRegistration Register_FULLY_CONNECTED_INT8();
} /* namespace tflite */

#endif
