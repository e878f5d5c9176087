/* TensorFlow Lite Micro behind nonn_model_t. Nothing here allocates but the library, in the arena it
 * is given. */
#include "nonn/tflm.h"

#include <cstring>
#include <new>

#include "tensorflow/lite/micro/micro_interpreter.h"

namespace nonn {
namespace {

constexpr uint32_t kWhole = UINT32_MAX;

const TflmModel *described;
tflite::MicroInterpreter *interpreter;
alignas(tflite::MicroInterpreter) unsigned char room[sizeof(tflite::MicroInterpreter)];

Invoke counted[kMostOperators];
uint32_t operators_left; /* until a run stops; kWhole: it does not */

/* The library has no way to run a part of a model. kTfLiteAbort ends a run without a message, so the
 * last operator wanted answers with it, after its work is done. */
TfLiteStatus InvokeCounted(unsigned number, TfLiteContext *context, TfLiteNode *node) {
    const TfLiteStatus status = counted[number](context, node);
    if (status != kTfLiteOk || operators_left == kWhole) {
        return status;
    }
    return --operators_left == 0 ? kTfLiteAbort : kTfLiteOk;
}

template <unsigned number>
TfLiteStatus Counting(TfLiteContext *context, TfLiteNode *node) {
    return InvokeCounted(number, context, node);
}

template <unsigned... numbers>
constexpr const Invoke *Table(std::integer_sequence<unsigned, numbers...>) {
    static constexpr Invoke table[] = {Counting<numbers>...};
    return table;
}

const int8_t *Data(int tensor) {
    return interpreter->GetTensor(tensor)->data.int8;
}

bool SameTensor(int number, const nonn_tensor &expected) {
    const TfLiteEvalTensor *tensor = interpreter->GetTensor(number);
    size_t bytes = 0;
    return tensor != nullptr && tensor->type == kTfLiteInt8 &&
           tflite::TfLiteEvalTensorByteLength(tensor, &bytes) == kTfLiteOk &&
           bytes == expected.bytes;
}

bool SameTensors(const nonn_model_t &model) {
    if (interpreter->inputs_size() != model.inputs || interpreter->outputs_size() != model.outputs) {
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
        std::memcpy(interpreter->GetTensor(interpreter->inputs()[i])->data.int8, from, bytes);
        from += bytes;
    }
}

} /* namespace */

bool Count(const TFLMRegistration *registration, unsigned number) {
    if (registration == nullptr || number >= kMostOperators) {
        return false;
    }
    static constexpr const Invoke *functions =
        Table(std::make_integer_sequence<unsigned, kMostOperators>());
    counted[number] = registration->invoke;
    /* The resolver that holds it is the caller's own, and not const. */
    const_cast<TFLMRegistration *>(registration)->invoke = functions[number];
    return true;
}

int Start(const TflmModel &model, const tflite::MicroOpResolver &operators) {
    const tflite::Model *flat = tflite::GetModel(model.data);
    if (flat->version() != TFLITE_SCHEMA_VERSION) {
        return kSchemaVersion;
    }
    described = &model;
    interpreter =
        new (room) tflite::MicroInterpreter(flat, operators, model.arena, model.arena_bytes);
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
        return interpreter->GetTensor(interpreter->inputs()[i])->data.int8;
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
    return status == kTfLiteOk || (!whole && status == kTfLiteAbort) ? 0 : kInvokeFailed;
}

} /* namespace nonn */
