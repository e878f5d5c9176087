/* What the handlers of requests share. A handler gets the model that the request is about, and a
 * body of a size the table in device.c allows, lying in device->buffer; it must read all of the
 * body before it builds one there. */
#ifndef NONN_DEVICE_ANSWER_H
#define NONN_DEVICE_ANSWER_H

#include <stddef.h>

#include "nonn/device.h"

enum { NONN_LOAD_BYTES = 6 }; /* of a LOAD's body, before the tensor's bytes */

typedef struct {
    nonn_status status;
    const void *body; /* sent after the status; stays in place until it has been */
    uint32_t size;
} nonn_answer;

static inline nonn_answer nonn_answer_with(nonn_status status, const void *body, uint32_t size) {
    const nonn_answer answer = {status, body, size};
    return answer;
}

static inline nonn_answer nonn_accept(const void *body, uint32_t size) {
    return nonn_answer_with(NONN_OK, body, size);
}

static inline nonn_answer nonn_refuse(nonn_status status) {
    return nonn_answer_with(status, NULL, 0);
}

/* NULL if the model has no such tensor. */
const nonn_tensor *nonn_find_tensor(const nonn_model_t *model, uint8_t kind, uint16_t index);

nonn_answer nonn_answer_hello(nonn_device *device, nonn_served *served, const uint8_t *body,
                              uint32_t size);
nonn_answer nonn_answer_describe(nonn_device *device, nonn_served *served, const uint8_t *body,
                                 uint32_t size);
nonn_answer nonn_answer_load(nonn_device *device, nonn_served *served, const uint8_t *body,
                             uint32_t size);
nonn_answer nonn_answer_run(nonn_device *device, nonn_served *served, const uint8_t *body,
                            uint32_t size);
nonn_answer nonn_answer_read(nonn_device *device, nonn_served *served, const uint8_t *body,
                             uint32_t size);
nonn_answer nonn_answer_stats(nonn_device *device, nonn_served *served, const uint8_t *body,
                              uint32_t size);

#endif
