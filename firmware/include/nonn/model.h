/* The contract between a model and the device library that speaks for it.
 *
 * A runtime (the generated native code, or TensorFlow Lite Micro behind the same interface)
 * defines exactly one object of this type named `nonn_model`, which may lead to others. Nothing
 * here allocates and nothing is shared between threads: one device, one caller.
 */
#ifndef NONN_MODEL_H
#define NONN_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NONN_MAX_RANK 6
#define NONN_DIGEST_BYTES 32

/* One int8 tensor: real value = scale * (q - zero_point). Dimensions outermost first (NHWC). */
typedef struct {
    const char *name;
    uint32_t bytes; /* product of dims[0..rank-1] */
    uint8_t rank;
    uint16_t dims[NONN_MAX_RANK];
    float scale;
    int32_t zero_point;
} nonn_tensor;

typedef struct nonn_model_t {
    const char *name;                  /* NUL-terminated, printable ASCII, at most 63 characters */
    const char *runtime;               /* "native", "native-dsp", ..., or "tflm-cmsis_nn", ... */
    uint8_t digest[NONN_DIGEST_BYTES]; /* SHA-256 of the .tflite file the code was made from */
    uint32_t arena_bytes;              /* tensors and scratch */
    bool input_survives;               /* invoke leaves the input tensors as they were */
    uint16_t inputs;
    uint16_t outputs;
    uint16_t layers;
    const nonn_tensor *input;  /* [inputs] */
    const nonn_tensor *output; /* [outputs] */
    const nonn_tensor *layer;  /* [layers]: what each layer writes, in order of execution */

    /* Called once, before any other function. Returns 0, or the runtime's own error: then nothing
     * else may be called. NULL: there is nothing to do. */
    int (*start)(void);
    /* How much of the arena is in use, in bytes, known after start. NULL: all of it. */
    uint32_t (*arena_used)(void);

    /* Where input `i` is written before invoke; valid for i < inputs. */
    int8_t *(*input_data)(uint16_t i);
    /* Where output `i` is read after a whole invoke; valid for i < outputs. */
    const int8_t *(*output_data)(uint16_t i);
    /* Where layer `i`'s tensor lies right after invoke(i); valid for i < layers. */
    const int8_t *(*layer_data)(uint16_t i);
    /* Runs layers 0..last inclusive (last < layers). A later layer may overwrite what an earlier
     * one wrote, so layer i is read after invoke(i). Returns 0, or the runtime's own error. */
    int (*invoke)(uint16_t last);

    /* Another model on the same device, which shares no memory with this one; NULL: none. */
    const struct nonn_model_t *next;
} nonn_model_t;

extern const nonn_model_t nonn_model;

#ifdef __cplusplus
}
#endif

#endif
