/* The device library: answers the messages of docs/protocol.md and the commands of docs/mlperf.md
 * for a nonn_model, and those it leads to, over one nonn_port.
 *
 * It never allocates, never recurses, and touches no memory but its own state, the models' input
 * tensors (writing) and the models' output and layer tensors (reading). What it promises about
 * hostile bytes is numbered in docs/security.md.
 */
#ifndef NONN_DEVICE_H
#define NONN_DEVICE_H

#include <stdint.h>

#include "nonn/frame.h"
#include "nonn/model.h"
#include "nonn/port.h"

#ifdef __cplusplus
extern "C" {
#endif

#define NONN_PROTOCOL_VERSION 1u
#define NONN_FIRMWARE_MAJOR 0u
#define NONN_FIRMWARE_MINOR 1u
#define NONN_FIRMWARE_PATCH 0u

/* Tensor bytes in one LOAD or READ. A larger value is faster on a clean line and costs as much RAM.
 */
#ifndef NONN_LINK_PAYLOAD
#define NONN_LINK_PAYLOAD 512u
#endif
#if NONN_LINK_PAYLOAD < 256 || NONN_LINK_PAYLOAD > 32768
#error "NONN_LINK_PAYLOAD must hold a HELLO reply and fit 16 bits: 256..32768"
#endif

/* How many models one device speaks for: `nonn_model`, `nonn_model.next` and so on. Text is about
 * the first alone. */
#ifndef NONN_MODELS
#define NONN_MODELS 2
#endif
#if NONN_MODELS < 1 || NONN_MODELS > 16
#error "NONN_MODELS must fit the four bits of a request: 1..16"
#endif

/* The longest frame is a full LOAD: header 4, index 2, offset 4, data; and the CRC. */
#define NONN_LINK_BUFFER (4u + 6u + NONN_LINK_PAYLOAD + NONN_CRC_BYTES)

typedef enum {
    NONN_HELLO = 0x01,
    NONN_DESCRIBE = 0x02,
    NONN_LOAD = 0x03,
    NONN_RUN = 0x04,
    NONN_READ = 0x05,
    NONN_STATS = 0x06,
    NONN_REPLY = 0x80 /* set in the type of a reply */
} nonn_message;

typedef enum { NONN_INPUT = 0, NONN_OUTPUT = 1, NONN_LAYER = 2 } nonn_kind;

typedef enum {
    NONN_OK = 0,
    NONN_UNSUPPORTED_VERSION = 1,
    NONN_NO_SUCH_MODEL = 2,
    NONN_UNKNOWN_MESSAGE = 3,
    NONN_BAD_LENGTH = 4,     /* the body is shorter or longer than this message's */
    NONN_BAD_INDEX = 5,      /* no such tensor, layer or kind of tensor */
    NONN_BAD_RANGE = 6,      /* offset and length reach outside the tensor */
    NONN_BAD_VALUE = 7,      /* run 0, or 0 times */
    NONN_INPUT_CONSUMED = 8, /* more than once, but a run overwrites the inputs */
    NONN_INPUT_MISMATCH = 9, /* the input tensors do not hold what the CRC says */
    NONN_STALE = 10,         /* the tensor is not, or no longer, of that run */
    NONN_INVOKE_FAILED = 11, /* the runtime's own error follows */
    NONN_START_FAILED = 12   /* the model never started; the runtime's own error follows */
} nonn_status;

/* As the last layer of a RUN: all of them, and the outputs are the result, not a layer. */
#define NONN_WHOLE 0xFFFFu

typedef struct {
    uint32_t id; /* 0: none */
    uint32_t input_crc;
    uint32_t result_crc;
    uint16_t last;
    uint16_t times;
} nonn_run;

/* Of the text side, private to it. A command lies in nonn_device.buffer while it arrives. */
typedef struct {
    uint8_t reader;     /* of the line: text or frames */
    uint8_t length;     /* of the command so far; of what gives the line back to text */
    bool spoiled;       /* a byte before these was none of a command */
    uint8_t staged;     /* bytes of a reply not yet written */
    bool floats;        /* what `db` sends are float32 */
    uint8_t input;      /* what the input tensors hold */
    uint32_t announced; /* bytes, by `db load` */
    uint32_t received;
    uint32_t part;  /* of a float32 */
    int32_t detail; /* of what went wrong */
} nonn_text;

/* One of the device's models, and what became of it. */
typedef struct {
    const nonn_model_t *model; /* NULL: there is none */
    int start_error;           /* of the runtime; 0: the model can run */
    nonn_run run;              /* whose result the tensors hold */
    uint64_t ticks;            /* that the last one to go well took, all its times together */
    uint32_t finished;         /* which that was; 0: none */
    uint16_t finished_times;
} nonn_served;

typedef struct {
    const nonn_port *port;
    nonn_frame_decoder decoder;
    nonn_text text;
    uint32_t invocations;             /* of all models together */
    uint32_t frames;                  /* well-formed frames received */
    uint32_t corrupt;                 /* frames dropped: COBS, CRC, too short */
    uint32_t too_long;                /* frames dropped: longer than the buffer */
    uint32_t refused;                 /* requests answered with a status other than NONN_OK */
    nonn_served served[NONN_MODELS];  /* [0] is the one that text is about */
    uint8_t buffer[NONN_LINK_BUFFER]; /* the request, then the body of its reply; or a command */
} nonn_device;

/* Forgets everything and starts `model` and those behind it, the first NONN_MODELS, saying nothing;
 * the models and `port` must outlive `device`. */
void nonn_device_init(nonn_device *device, const nonn_model_t *model, const nonn_port *port);

/* Says in text, once, that the device has started; for those who do not call nonn_device_run. */
void nonn_device_greet(nonn_device *device);

/* Reads once from the port and answers whatever that completes. */
void nonn_device_poll(nonn_device *device);

/* Serves `nonn_model`, and those it leads to, on `port` for ever, with one static nonn_device,
 * greeting in text first: it does not return. */
void nonn_device_run(const nonn_port *port);

#ifdef __cplusplus
}
#endif

#endif
