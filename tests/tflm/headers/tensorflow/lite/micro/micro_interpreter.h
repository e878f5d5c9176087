#ifndef STAND_IN_MICRO_INTERPRETER_H
#define STAND_IN_MICRO_INTERPRETER_H

#include "tensorflow/lite/micro/micro_op_resolver.h"

#define TFLITE_SCHEMA_VERSION (3)

namespace flatbuffers {
template <typename T>
struct Vector {
    T operator[](uint32_t i) const;
};
} /* namespace flatbuffers */

namespace tflite {
const TfLiteStatus kTfLiteAbort = static_cast<TfLiteStatus>(15);

class MicroInterpreter {
   public:
    MicroInterpreter(const Model *model, const MicroOpResolver &resolver, uint8_t *arena,
                     size_t arena_size);
    ~MicroInterpreter();
    TfLiteStatus AllocateTensors();
    TfLiteStatus Invoke();
    TfLiteStatus initialization_status() const;
    size_t arena_used_bytes() const;
    size_t inputs_size() const;
    size_t outputs_size() const;
    const flatbuffers::Vector<int32_t> &inputs() const;
    const flatbuffers::Vector<int32_t> &outputs() const;

   protected:
    const TfLiteContext &context() const;
};
} /* namespace tflite */

#endif
