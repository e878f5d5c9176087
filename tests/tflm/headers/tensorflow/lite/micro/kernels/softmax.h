#ifndef STAND_IN_SOFTMAX_H
#define STAND_IN_SOFTMAX_H

#include "tensorflow/lite/micro/micro_common.h"

namespace tflite {
TFLMRegistration Register_SOFTMAX_INT8();
} /* namespace tflite */

#endif
