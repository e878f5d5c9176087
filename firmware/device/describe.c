#include <string.h>

#include "answer.h"
#include "wire.h"

enum { LONGEST_NAME = 63, LONGEST_BOARD = 31, LONGEST_WORD = 15, LONGEST_TENSOR_NAME = 127 };

/* HELLO's description is the longest there is: 60 bytes and five texts, behind the two bytes of its
 * size. */
enum { DESCRIPTION_BYTES = 60 + 5 + LONGEST_NAME + 2 * LONGEST_BOARD + 2 * LONGEST_WORD };
typedef char description_fits_the_buffer[2 + DESCRIPTION_BYTES <= NONN_LINK_BUFFER ? 1 : -1];

/* A length byte and the text, cut to `longest`, with a ? for what is not printable ASCII. */
static uint8_t *put_text(uint8_t *at, const char *text, uint8_t longest) {
    uint8_t length = 0;
    while (length < longest && text[length] != '\0') {
        const char c = text[length];
        at[1 + length] = c >= ' ' && c <= '~' ? (uint8_t)c : '?';
        length++;
    }
    at[0] = length;
    return at + 1 + length;
}

/* As HELLO's flags have it, above the bits that are about one model. */
static uint8_t further_models(const nonn_device *device) {
    uint8_t count = 0;
    while (count + 1 < NONN_MODELS && device->served[count + 1].model != NULL) {
        count++;
    }
    return (uint8_t)(count << 4);
}

static uint16_t describe_device(const nonn_device *device, const nonn_model_t *model, uint8_t *at) {
    const nonn_port *port = device->port;
    uint8_t *end = at;
    *end++ = NONN_FIRMWARE_MAJOR;
    *end++ = NONN_FIRMWARE_MINOR;
    *end++ = NONN_FIRMWARE_PATCH;
    *end++ = (uint8_t)((model->input_survives ? 1 : 0) | further_models(device));
    end = put_u16(end, NONN_LINK_PAYLOAD);
    end = put_u16(end, model->inputs);
    end = put_u16(end, model->outputs);
    end = put_u16(end, model->layers);
    end = put_u32(end, model->arena_bytes);
    end = put_u32(end, port->static_bytes);
    end = put_u32(end, port->tick_numerator);
    end = put_u32(end, port->tick_denominator);
    memcpy(end, model->digest, NONN_DIGEST_BYTES);
    end += NONN_DIGEST_BYTES;
    end = put_text(end, model->name, LONGEST_NAME);
    end = put_text(end, model->runtime, LONGEST_WORD);
    end = put_text(end, port->board, LONGEST_BOARD);
    end = put_text(end, port->core, LONGEST_BOARD);
    end = put_text(end, port->tick_unit, LONGEST_WORD);
    return (uint16_t)(end - at);
}

static uint16_t describe_tensor(const nonn_tensor *tensor, uint8_t *at) {
    const uint8_t rank = tensor->rank <= NONN_MAX_RANK ? tensor->rank : NONN_MAX_RANK;
    uint32_t scale;
    memcpy(&scale, &tensor->scale, sizeof scale);
    uint8_t *end = put_u32(at, tensor->bytes);
    end = put_u32(end, scale);
    end = put_u32(end, (uint32_t)tensor->zero_point);
    *end++ = 0; /* int8 */
    *end++ = rank;
    for (uint8_t i = 0; i < rank; i++) {
        end = put_u16(end, tensor->dims[i]);
    }
    end = put_text(end, tensor->name, LONGEST_TENSOR_NAME);
    return (uint16_t)(end - at);
}

const nonn_tensor *nonn_find_tensor(const nonn_model_t *model, uint8_t kind, uint16_t index) {
    const struct {
        const nonn_tensor *tensors;
        uint16_t count;
    } by_kind[] = {{model->input, model->inputs},
                   {model->output, model->outputs},
                   {model->layer, model->layers}};
    if (kind > NONN_LAYER || index >= by_kind[kind].count) {
        return NULL;
    }
    return &by_kind[kind].tensors[index];
}

/* Part [offset, offset + length) of a description at buffer + 2, with the whole's size put before
 * it. */
static nonn_answer slice(uint8_t *buffer, uint16_t total, uint16_t offset, uint16_t length) {
    if (offset > total) {
        return nonn_refuse(NONN_BAD_RANGE);
    }
    const uint16_t rest = (uint16_t)(total - offset);
    put_u16(buffer + offset, total);
    return nonn_accept(buffer + offset, 2u + (length < rest ? length : rest));
}

nonn_answer nonn_answer_hello(nonn_device *device, nonn_served *served, const uint8_t *body,
                              uint32_t size) {
    (void)size;
    const uint16_t offset = get_u16(body);
    const uint16_t length = get_u16(body + 2);
    const uint16_t total = describe_device(device, served->model, device->buffer + 2);
    return slice(device->buffer, total, offset, length);
}

nonn_answer nonn_answer_describe(nonn_device *device, nonn_served *served, const uint8_t *body,
                                 uint32_t size) {
    (void)size;
    const nonn_tensor *tensor = nonn_find_tensor(served->model, body[0], get_u16(body + 1));
    const uint16_t offset = get_u16(body + 3);
    const uint16_t length = get_u16(body + 5);
    if (tensor == NULL) {
        return nonn_refuse(NONN_BAD_INDEX);
    }
    const uint16_t total = describe_tensor(tensor, device->buffer + 2);
    return slice(device->buffer, total, offset, length);
}
