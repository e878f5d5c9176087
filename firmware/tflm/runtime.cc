/* TensorFlow Lite Micro behind nonn_model_t. Nothing here allocates but the library, in the arena
 * it is given. */
#include <cstring>
#include <new>

#include "nonn/tflm.h"
#include "tensorflow/lite/micro/micro_interpreter.h"
#include "tensorflow/lite/micro/micro_utils.h"

namespace nonn {
namespace {

constexpr uint32_t kWhole = UINT32_MAX;

/* The public way to any tensor, GetTensor(), is there only for interpreters that keep every tensor.
 */
class Interpreter final : public tflite::MicroInterpreter {
   public:
    using tflite::MicroInterpreter::MicroInterpreter;

    TfLiteEvalTensor *Tensor(int number) const {
        return context().GetEvalTensor(&context(), number);
    }
};

const TflmModel *described;
Interpreter *interpreter;
alignas(Interpreter) unsigned char room[sizeof(Interpreter)];

uint32_t operators_left; /* until a run stops; kWhole: it does not */

const int8_t *Data(int tensor) {
    return interpreter->Tensor(tensor)->data.int8;
}

bool SameTensor(int number, const nonn_tensor &expected) {
    const TfLiteEvalTensor *tensor = interpreter->Tensor(number);
    return tensor != nullptr && tensor->type == kTfLiteInt8 &&
           static_cast<uint32_t>(tflite::ElementCount(*tensor->dims)) == expected.bytes;
}

bool SameTensors(const nonn_model_t &model) {
    if (interpreter->inputs_size() != model.inputs ||
        interpreter->outputs_size() != model.outputs) {
        return false;
    }
    for (uint16_t i = 0; i < model.inputs; i++) {
        if (!SameTensor(interpreter->inputs()[i], model.input[i])) {
            return false;
        }
    }
    for (uint16_t i = 0; i < model.outputs; i++) {
        if (!SameTensor(interpreter->outputs()[i], model.output[i])) {
            return false;
        }
    }
    return true;
}

void RestoreInputs() {
    const int8_t *from = described->kept;
    for (uint16_t i = 0; from != nullptr && i < described->model->inputs; i++) {
        const uint32_t bytes = described->model->input[i].bytes;
        std::memcpy(interpreter->Tensor(interpreter->inputs()[i])->data.int8, from, bytes);
        from += bytes;
    }
}

} /* namespace */

/* The library has no way to run a part of a model, but kTfLiteAbort ends a run without a message.
 */
TfLiteStatus HasRun(TfLiteStatus status) {
    if (status != kTfLiteOk || operators_left == kWhole) {
        return status;
    }
    return --operators_left == 0 ? tflite::kTfLiteAbort : kTfLiteOk;
}

int Start(const TflmModel &model, const tflite::MicroOpResolver &operators) {
    const tflite::Model *flat = tflite::GetModel(model.data);
    if (flat->version() != TFLITE_SCHEMA_VERSION) {
        return kSchemaVersion;
    }
    described = &model;
    interpreter = new (room) Interpreter(flat, operators, model.arena, model.arena_bytes);
    if (interpreter->initialization_status() != kTfLiteOk ||
        interpreter->AllocateTensors() != kTfLiteOk) {
        return kArenaTooSmall;
    }
    return SameTensors(*model.model) ? 0 : kOtherTensors;
}

uint32_t ArenaUsed() {
    return static_cast<uint32_t>(interpreter->arena_used_bytes());
}

int8_t *InputData(uint16_t i) {
    if (described->kept == nullptr) {
        return interpreter->Tensor(interpreter->inputs()[i])->data.int8;
    }
    int8_t *at = described->kept;
    for (uint16_t before = 0; before < i; before++) {
        at += described->model->input[before].bytes;
    }
    return at;
}

const int8_t *OutputData(uint16_t i) {
    return Data(interpreter->outputs()[i]);
}

const int8_t *LayerData(uint16_t i) {
    return Data(described->layers[i].tensor);
}

int Run(uint16_t last) {
    RestoreInputs();
    const bool whole = last + 1 == described->model->layers;
    operators_left = whole ? kWhole : described->layers[last].op + 1u;
    const TfLiteStatus status = interpreter->Invoke();
    return status == kTfLiteOk || (!whole && status == tflite::kTfLiteAbort) ? 0 : kInvokeFailed;
}

} /* namespace nonn */
