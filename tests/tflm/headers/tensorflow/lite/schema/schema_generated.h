#ifndef STAND_IN_SCHEMA_GENERATED_H
#define STAND_IN_SCHEMA_GENERATED_H

#include <cstdint>

namespace tflite {
enum BuiltinOperator {
    BuiltinOperator_CONV_2D = 3,
    BuiltinOperator_FULLY_CONNECTED = 9,
    BuiltinOperator_RESHAPE = 22,
    BuiltinOperator_SOFTMAX = 25
};
struct Model {
    uint32_t version() const;
};
const Model *GetModel(const void *buffer);
} /* namespace tflite */

#endif
