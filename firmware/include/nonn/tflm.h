/* A nonn_model over TensorFlow Lite Micro: what the generated tflm/model.cc hands to the runtime.
 *
 * The library is the user's. Its reference kernels and CMSIS-NN's give the same bytes as the native
 * runtime; other kernels are what `nonn-mcu verify` is for.
 */
#ifndef NONN_TFLM_H
#define NONN_TFLM_H

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "nonn/model.h"
#include "tensorflow/lite/micro/kernels/fully_connected.h"
#include "tensorflow/lite/micro/micro_op_resolver.h"
#include "tensorflow/lite/schema/schema_generated.h"

#ifndef NONN_TFLM_KERNELS
#define NONN_TFLM_KERNELS reference
#endif
#define NONN_TFLM_QUOTE(text) #text
#define NONN_TFLM_RUNTIME(kernels) "tflm-" NONN_TFLM_QUOTE(kernels)

namespace nonn {

/* What start() and invoke() return instead of 0. */
enum TflmError : int {
    kSchemaVersion = 1, /* the library reads another version of the model's schema */
    kOperators = 2,     /* an operator could not be registered */
    kArenaTooSmall = 3, /* the tensors could not be allocated */
    kOtherTensors = 4,  /* the library sees other tensors than the code was generated for */
    kInvokeFailed = 5,  /* an operator failed */
};

/* One of the model's layers: the operator that runs last, and the tensor that it writes, both by
 * their numbers in the .tflite file. */
struct TflmLayer {
    uint16_t op;
    uint16_t tensor;
};

/* Everything the runtime is told about a model; made once, at build time. */
struct TflmModel {
    const unsigned char *data; /* the .tflite file, aligned to 16 bytes */
    uint8_t *arena;            /* aligned to 16 bytes */
    size_t arena_bytes;
    int8_t *kept; /* where the inputs are kept between runs, end to end; nullptr: they are not */
    const nonn_model_t *model;
    const TflmLayer *layers; /* [model->layers] */
};

using Invoke = TfLiteStatus (*)(TfLiteContext *, TfLiteNode *);

/* Counts an operator that has run: kTfLiteAbort instead of kTfLiteOk behind the last one wanted. */
TfLiteStatus HasRun(TfLiteStatus status);

/* The function of the n-th kind of operator, and the one that calls it and counts. */
template <unsigned n>
struct Counted {
    static inline Invoke original;
    static TfLiteStatus Run(TfLiteContext *context, TfLiteNode *node) {
        return HasRun(original(context, node));
    }
};

/* Makes a registered operator count; false if it is not registered. */
template <unsigned n>
bool Count(const TFLMRegistration *registration) {
    if (registration == nullptr) {
        return false;
    }
    Counted<n>::original = registration->invoke;
    /* The resolver that holds it is the caller's own, and not const. */
    const_cast<TFLMRegistration *>(registration)->invoke = Counted<n>::Run;
    return true;
}

/* The functions behind nonn_model_t; one model in a program. */
int Start(const TflmModel &model, const tflite::MicroOpResolver &operators);
uint32_t ArenaUsed();
int8_t *InputData(uint16_t i);
const int8_t *OutputData(uint16_t i);
const int8_t *LayerData(uint16_t i);
int Run(uint16_t last);

/* Whether the library knows a scale per output channel in FULLY_CONNECTED. One from before August
 * 2024 takes the first for all of them, in silence. */
template <typename Data, typename = void>
struct HasPerChannel : std::false_type {};
template <typename Data>
struct HasPerChannel<Data, decltype(static_cast<void>(Data::is_per_channel))> : std::true_type {};

} /* namespace nonn */

#endif
