#ifndef STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H
#define STAND_IN_MICRO_MUTABLE_OP_RESOLVER_H

#include "tensorflow/lite/micro/kernels/conv.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/kernels/softmax.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"

namespace tflite {
TFLMRegistration Register_RESHAPE();

template <unsigned int count>
class MicroMutableOpResolver final : public MicroOpResolver {
   public:
    const TFLMRegistration *FindOp(BuiltinOperator op) const override;
    TfLiteStatus AddConv2D(const TFLMRegistration &registration = Register_CONV_2D_INT8());
    TfLiteStatus AddFullyConnected(
        const TFLMRegistration &registration = Register_FULLY_CONNECTED_INT8());
    TfLiteStatus AddReshape();
    TfLiteStatus AddSoftmax(const TFLMRegistration &registration = Register_SOFTMAX_INT8());
};
} /* namespace tflite */

#endif
