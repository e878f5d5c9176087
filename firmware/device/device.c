#include <stdbool.h>
#include <string.h>

#include "answer.h"
#include "mlperf.h"
#include "wire.h"

/* Header of a request: type, version << 4 | model, sequence number. A reply has a status after it.
 */
enum { HEADER_BYTES = 4, REPLY_HEADER_BYTES = 5 };

nonn_answer nonn_answer_stats(nonn_device *device, nonn_served *served, const uint8_t *body,
                              uint32_t size) {
    (void)body;
    (void)size;
    const nonn_model_t *model = served->model;
    const nonn_port *port = device->port;
    uint8_t *end = device->buffer;
    end = put_u32(end, (uint32_t)served->ticks);
    end = put_u32(end, (uint32_t)(served->ticks >> 32));
    end = put_u32(end, served->finished);
    end = put_u32(end, served->finished_times);
    end = put_u32(end, model->arena_bytes);
    end = put_u32(end, served->start_error == 0 && model->arena_used != NULL ? model->arena_used()
                                                                             : model->arena_bytes);
    end = put_u32(end, port->static_bytes);
    end = put_u32(end, port->stack_high_water != NULL ? port->stack_high_water() : 0);
    end = put_u32(end, device->invocations);
    end = put_u32(end, device->frames);
    end = put_u32(end, device->corrupt);
    end = put_u32(end, device->too_long);
    end = put_u32(end, device->refused);
    return nonn_accept(device->buffer, (uint32_t)(end - device->buffer));
}

static const struct {
    nonn_answer (*handle)(nonn_device *device, nonn_served *served, const uint8_t *body,
                          uint32_t size);
    uint16_t shortest;
    uint16_t longest;
    bool needs_model;
} messages[] = {
    [NONN_HELLO] = {nonn_answer_hello, 4, 4, false},
    [NONN_DESCRIBE] = {nonn_answer_describe, 7, 7, false},
    [NONN_LOAD] = {nonn_answer_load, NONN_LOAD_BYTES, NONN_LOAD_BYTES + NONN_LINK_PAYLOAD, true},
    [NONN_RUN] = {nonn_answer_run, 12, 12, true},
    [NONN_READ] = {nonn_answer_read, 13, 13, true},
    [NONN_STATS] = {nonn_answer_stats, 0, 0, false},
};

static nonn_answer dispatch(nonn_device *device, const uint8_t *request, uint32_t length) {
    const uint8_t type = request[0];
    const uint8_t number = request[1] & 15;
    const uint32_t size = length - HEADER_BYTES;
    if (request[1] >> 4 != NONN_PROTOCOL_VERSION) {
        return nonn_refuse(NONN_UNSUPPORTED_VERSION);
    }
    if (number >= NONN_MODELS || device->served[number].model == NULL) {
        return nonn_refuse(NONN_NO_SUCH_MODEL);
    }
    if (type >= sizeof messages / sizeof messages[0] || messages[type].handle == NULL) {
        return nonn_refuse(NONN_UNKNOWN_MESSAGE);
    }
    if (size < messages[type].shortest || size > messages[type].longest) {
        return nonn_refuse(NONN_BAD_LENGTH);
    }
    nonn_served *served = &device->served[number];
    if (served->start_error != 0 && messages[type].needs_model) {
        put_u32(device->buffer, (uint32_t)served->start_error);
        return nonn_answer_with(NONN_START_FAILED, device->buffer, 4);
    }
    return messages[type].handle(device, served, request + HEADER_BYTES, size);
}

static void reply(nonn_device *device, uint32_t length) {
    const uint8_t *request = device->buffer;
    if ((request[0] & NONN_REPLY) != 0) {
        return; /* an echo of our own; answering it would never end */
    }
    /* Taken now: the body of the reply is built where the request lies. */
    uint8_t header[REPLY_HEADER_BYTES] = {(uint8_t)(request[0] | NONN_REPLY),
                                          NONN_PROTOCOL_VERSION << 4, request[2], request[3],
                                          NONN_OK};
    const nonn_answer a = dispatch(device, request, length);
    header[4] = (uint8_t)a.status;
    device->refused += a.status != NONN_OK;
    nonn_frame_send(header, sizeof header, a.body, a.size, device->port->write);
}

void nonn_device_init(nonn_device *device, const nonn_model_t *model, const nonn_port *port) {
    memset(device, 0, sizeof *device);
    device->port = port;
    nonn_frame_decoder_init(&device->decoder, device->buffer, sizeof device->buffer);
    for (size_t i = 0; i < NONN_MODELS && model != NULL; i++, model = model->next) {
        device->served[i].model = model;
        device->served[i].start_error = model->start != NULL ? model->start() : 0;
    }
}

void nonn_device_poll(nonn_device *device) {
    uint8_t received[64];
    const size_t count = device->port->read(received, sizeof received);
    for (size_t i = 0; i < count; i++) {
        if (nonn_mlperf_take(device, received[i])) {
            continue;
        }
        switch (nonn_frame_decode(&device->decoder, received[i])) {
            case NONN_FRAME_NOTHING:
                break;
            case NONN_FRAME_COMPLETE:
                device->frames++;
                reply(device, device->decoder.length);
                break;
            case NONN_FRAME_TOO_LONG:
                device->too_long++;
                break;
            case NONN_FRAME_BAD_COBS:
            case NONN_FRAME_TOO_SHORT:
            case NONN_FRAME_BAD_CRC:
                device->corrupt++;
                break;
        }
    }
}
