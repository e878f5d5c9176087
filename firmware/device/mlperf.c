#include "mlperf.h"

#include <stddef.h>
#include <string.h>

/* Who reads the line. The bytes say it themselves: a 0x00 gives it to the frames, the word below
 * back to text. */
enum { TEXT = 0, FRAMES };

/* For the length of a command that is longer than any. */
enum { TOO_LONG = NONN_LONGEST_COMMAND + 1 };

/* The first half is what every client of the benchmark says first. Inside a request it could be
 * somebody's data; then it must come twice. */
static const char opening[] = "name%name%";
enum { HALF = 5 };

static const char *answer_name(nonn_device *device, char *arguments) {
    (void)arguments;
    nonn_say(device, "m-name-dut-[nonn-mcu ");
    nonn_say_words(device, device->port->board);
    nonn_say(device, "]\n");
    return NULL;
}

static const char *answer_profile(nonn_device *device, char *arguments) {
    (void)arguments;
    static const char ids[][8] = {"kws01", "vww01", "ad01", "ic01", "strww01", "sww01", "ic02"};
    const char *id = device->served[0].model->name;
    for (size_t i = 0; i < sizeof ids / sizeof ids[0]; i++) {
        if (nonn_mlperf_is(id, ids[i])) {
            id = ids[i];
        }
    }
    nonn_say(device, "m-profile-[ULPMark for tinyML Firmware V0.0.1]\nm-model-[");
    nonn_say_words(device, id);
    nonn_say(device, "]\n");
    return NULL;
}

static const char *answer_help(nonn_device *device, char *arguments) {
    (void)arguments;
    nonn_say(device,
             "Each ends with a percent sign: name, profile, help, timestamp, results\n"
             "db load N, db HH.., db print: N bytes of input\n"
             "infer N [W=10]: W times unmeasured, then N times\n");
    return NULL;
}

static const struct {
    char name[10];
    bool needs_model;
    const char *(*answer)(nonn_device *device, char *arguments);
} commands[] = {
    {"name", false, answer_name},           {"profile", false, answer_profile},
    {"help", false, answer_help},           {"timestamp", false, nonn_mlperf_timestamp},
    {"db", true, nonn_mlperf_db},           {"infer", true, nonn_mlperf_infer},
    {"results", true, nonn_mlperf_results},
};

static const char no_start[] = "The model did not start: error $";

static const char *execute(nonn_device *device, char *command) {
    const char *word = nonn_mlperf_word(&command);
    device->text.detail = device->served[0].start_error;
    for (size_t i = 0; word != NULL && i < sizeof commands / sizeof commands[0]; i++) {
        if (nonn_mlperf_equal(word, commands[i].name)) {
            return commands[i].needs_model && device->served[0].start_error != 0
                       ? no_start
                       : commands[i].answer(device, command);
        }
    }
    nonn_say(device, "e-[Unknown command: ");
    nonn_say_words(device, word != NULL ? word : "");
    nonn_say(device, "]\n");
    return NULL;
}

/* What every reply ends with. */
static void end(nonn_device *device, const char *error) {
    if (error != NULL) {
        nonn_say_error(device, error);
    }
    nonn_say(device, "m-ready\n");
    nonn_say_flush(device);
}

static void answer(nonn_device *device) {
    char *command = (char *)device->buffer;
    nonn_text *text = &device->text;
    const bool spoiled = text->spoiled;
    const uint8_t length = text->length;
    text->spoiled = false;
    text->length = 0;
    if (length == TOO_LONG) {
        end(device, "Command too long");
        return;
    }
    command[length] = '\0';
    if (spoiled && !nonn_mlperf_equal(command, "name")) {
        end(device, "Command is not ASCII");
        return;
    }
    end(device, execute(device, command));
}

/* Whether the frame that is arriving is a request so far. */
static bool in_request(const nonn_device *device) {
    const nonn_frame_decoder *decoder = &device->decoder;
    return decoder->length >= 2 && decoder->length < decoder->capacity &&
           (decoder->buffer[0] & NONN_REPLY) == 0 &&
           decoder->buffer[1] >> 4 == NONN_PROTOCOL_VERSION;
}

/* Between frames and in them: true at the byte that gives the line back to text. */
static bool opens(nonn_device *device, uint8_t byte) {
    nonn_text *text = &device->text;
    if (byte != (uint8_t)opening[text->length]) {
        text->length = byte == (uint8_t)opening[0];
        return false;
    }
    text->length++;
    return byte == '%' && (text->length > HALF || !in_request(device));
}

bool nonn_mlperf_take(nonn_device *device, uint8_t byte) {
    nonn_text *text = &device->text;
    if (text->reader == FRAMES) {
        if (!opens(device, byte)) {
            return false;
        }
        text->reader = TEXT;
        text->length = HALF - 1;
        memcpy(device->buffer, opening, HALF - 1);
        answer(device);
    } else if (byte == 0) {
        text->reader = FRAMES;
        text->spoiled = false;
        text->length = 0;
        nonn_frame_decoder_init(&device->decoder, device->buffer, sizeof device->buffer);
        return false;
    } else if (byte == '%') {
        answer(device);
    } else if (byte >= ' ' && byte <= '~') {
        if (text->length < NONN_LONGEST_COMMAND) {
            device->buffer[text->length++] = byte;
        } else if (text->length == NONN_LONGEST_COMMAND) {
            text->length = TOO_LONG;
        }
    } else if (byte != '\r' && byte != '\n') {
        text->spoiled = true; /* but what follows may be `name`, which is answered after anything */
        text->length = 0;
    }
    return true;
}

void nonn_device_greet(nonn_device *device) {
    nonn_say(device, "m-timestamp-mode-");
    nonn_say(device, device->port->mark != NULL ? "energy\n" : "performance\n");
    (void)nonn_mlperf_timestamp(device, NULL);
    device->text.detail = device->served[0].start_error;
    if (device->served[0].start_error == 0) {
        nonn_say(device, "m-init-done\n");
    }
    end(device, device->served[0].start_error != 0 ? no_start : NULL);
}
