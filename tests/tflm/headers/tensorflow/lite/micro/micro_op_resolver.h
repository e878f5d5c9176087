#ifndef STAND_IN_MICRO_OP_RESOLVER_H
#define STAND_IN_MICRO_OP_RESOLVER_H

#include "tensorflow/lite/micro/micro_common.h"
#include "tensorflow/lite/schema/schema_generated.h"

namespace tflite {
class MicroOpResolver {
   public:
    virtual const TFLMRegistration *FindOp(BuiltinOperator op) const = 0;

   protected:
    ~MicroOpResolver() = default;
};
} /* namespace tflite */

#endif
