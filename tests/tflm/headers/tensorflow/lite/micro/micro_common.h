/* What the generated code and firmware/tflm use of TensorFlow Lite Micro, by its own names: enough
 * to compile against where there is no tree of it. Nothing here runs. */
#ifndef STAND_IN_MICRO_COMMON_H
#define STAND_IN_MICRO_COMMON_H

#include <cstddef>
#include <cstdint>

enum TfLiteStatus { kTfLiteOk = 0, kTfLiteError = 1, kTfLiteUnresolvedOps = 8 };
enum TfLiteType { kTfLiteInt8 = 9 };

struct TfLiteNode;
struct TfLiteIntArray {
    int size;
    int data[1];
};
union TfLitePtrUnion {
    int8_t *int8;
};
struct TfLiteEvalTensor {
    TfLitePtrUnion data;
    TfLiteIntArray *dims;
    TfLiteType type;
};
struct TfLiteContext {
    TfLiteEvalTensor *(*GetEvalTensor)(const TfLiteContext *context, int index);
};
struct TFLMRegistration {
    TfLiteStatus (*invoke)(TfLiteContext *context, TfLiteNode *node);
};

#endif
