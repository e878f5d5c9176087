#include <string.h>

#include "answer.h"
#include "mlperf.h"
#include "wire.h"

/* The input may lie where the last run left its result, and `db` has not sent what it will hold. */
static void forget(nonn_device *device, nonn_served *served) {
    served->run.id = 0;
    if (served == device->served) {
        device->text.input = NONN_INPUT_FOREIGN;
    }
}

nonn_answer nonn_answer_load(nonn_device *device, nonn_served *served, const uint8_t *body,
                             uint32_t size) {
    const nonn_tensor *tensor = nonn_find_tensor(served->model, NONN_INPUT, get_u16(body));
    const uint32_t offset = get_u32(body + 2);
    const uint32_t length = size - NONN_LOAD_BYTES;
    if (tensor == NULL) {
        return nonn_refuse(NONN_BAD_INDEX);
    }
    if (offset > tensor->bytes || length > tensor->bytes - offset) {
        return nonn_refuse(NONN_BAD_RANGE);
    }
    forget(device, served);
    memcpy(served->model->input_data(get_u16(body)) + offset, body + NONN_LOAD_BYTES, length);
    return nonn_accept(NULL, 0);
}

static uint32_t crc_of_inputs(const nonn_model_t *model) {
    uint32_t crc = 0;
    for (uint16_t i = 0; i < model->inputs; i++) {
        crc = nonn_crc32(crc, model->input_data(i), model->input[i].bytes);
    }
    return crc;
}

static uint32_t crc_of_result(const nonn_model_t *model, uint16_t last) {
    if (last != NONN_WHOLE) {
        return nonn_crc32(0, model->layer_data(last), model->layer[last].bytes);
    }
    uint32_t crc = 0;
    for (uint16_t i = 0; i < model->outputs; i++) {
        crc = nonn_crc32(crc, model->output_data(i), model->output[i].bytes);
    }
    return crc;
}

/* Returns the runtime's error, 0 if all went well. */
static int invoke(nonn_device *device, nonn_served *served, uint16_t last, uint16_t times) {
    const nonn_port *port = device->port;
    const uint64_t start = port->ticks != NULL ? port->ticks() : 0;
    int error = 0;
    for (uint16_t i = 0; i < times && error == 0; i++) {
        error = served->model->invoke(last);
        device->invocations++;
    }
    if (error == 0) {
        served->ticks = port->ticks != NULL ? port->ticks() - start : 0;
    }
    return error;
}

static nonn_answer result(nonn_device *device, const nonn_served *served) {
    put_u32(device->buffer, served->run.result_crc);
    return nonn_accept(device->buffer, 4);
}

nonn_answer nonn_answer_run(nonn_device *device, nonn_served *served, const uint8_t *body,
                            uint32_t size) {
    (void)size;
    const nonn_model_t *model = served->model;
    nonn_run wanted = {get_u32(body), get_u32(body + 4), 0, get_u16(body + 8), get_u16(body + 10)};
    if (wanted.last != NONN_WHOLE && wanted.last >= model->layers) {
        return nonn_refuse(NONN_BAD_INDEX);
    }
    if (wanted.id == 0 || wanted.times == 0) {
        return nonn_refuse(NONN_BAD_VALUE);
    }
    if (wanted.times > 1 && !model->input_survives) {
        return nonn_refuse(NONN_INPUT_CONSUMED);
    }
    if (served->run.id == wanted.id && served->run.input_crc == wanted.input_crc &&
        served->run.last == wanted.last && served->run.times == wanted.times) {
        return result(device, served); /* the reply was lost, the result is still there */
    }
    if (crc_of_inputs(model) != wanted.input_crc) {
        return nonn_refuse(NONN_INPUT_MISMATCH);
    }
    forget(device, served);
    const uint16_t last = wanted.last == NONN_WHOLE ? (uint16_t)(model->layers - 1) : wanted.last;
    const int error = invoke(device, served, last, wanted.times);
    if (error != 0) {
        put_u32(device->buffer, (uint32_t)error);
        return nonn_answer_with(NONN_INVOKE_FAILED, device->buffer, 4);
    }
    wanted.result_crc = crc_of_result(model, wanted.last);
    served->run = wanted;
    served->finished = wanted.id;
    served->finished_times = wanted.times;
    return result(device, served);
}

nonn_answer nonn_answer_read(nonn_device *device, nonn_served *served, const uint8_t *body,
                             uint32_t size) {
    (void)device;
    (void)size;
    const nonn_model_t *model = served->model;
    const uint8_t kind = body[0];
    const uint16_t index = get_u16(body + 1);
    const uint32_t id = get_u32(body + 3);
    const uint32_t offset = get_u32(body + 7);
    const uint32_t length = get_u16(body + 11);
    const nonn_tensor *tensor = nonn_find_tensor(model, kind, index);
    if (tensor == NULL || kind == NONN_INPUT) {
        return nonn_refuse(NONN_BAD_INDEX);
    }
    if (offset > tensor->bytes || length > tensor->bytes - offset || length > NONN_LINK_PAYLOAD) {
        return nonn_refuse(NONN_BAD_RANGE);
    }
    if (id == 0 || id != served->run.id) {
        return nonn_refuse(NONN_STALE);
    }
    if (served->run.last != (kind == NONN_OUTPUT ? NONN_WHOLE : index)) {
        return nonn_refuse(NONN_STALE);
    }
    const int8_t *data = kind == NONN_OUTPUT ? model->output_data(index) : model->layer_data(index);
    return nonn_accept(data + offset, length);
}
