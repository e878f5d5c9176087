#ifndef STAND_IN_MICRO_UTILS_H
#define STAND_IN_MICRO_UTILS_H

#include "tensorflow/lite/micro/micro_common.h"

namespace tflite {
int ElementCount(const TfLiteIntArray &dims);
} /* namespace tflite */

#endif
