#ifndef STAND_IN_CONV_2D_H
#define STAND_IN_CONV_2D_H

#include "tensorflow/lite/micro/micro_common.h"

namespace tflite {
TFLMRegistration Register_CONV_2D_INT8();
} /* namespace tflite */

#endif
