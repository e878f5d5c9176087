/* What the files of the text side share: the protocol of the MLPerf Tiny benchmark, as
 * docs/mlperf.md describes it. A command lies in device->buffer, without its terminator and with a
 * NUL; its replies gather behind it. Frames do not use the buffer meanwhile. */
#ifndef NONN_DEVICE_MLPERF_H
#define NONN_DEVICE_MLPERF_H

#include <stdbool.h>
#include <stdint.h>

#include "nonn/device.h"

enum { NONN_LONGEST_COMMAND = 80 };

/* What the model's input tensors hold, as far as text knows (nonn_text.input). */
enum {
    NONN_INPUT_FOREIGN = 0, /* whatever it is, no `db` sent it */
    NONN_INPUT_ARRIVING,    /* `db load` has announced more than has come */
    NONN_INPUT_LOADED,      /* all that was announced, and no inference since */
    NONN_INPUT_USED         /* inferences ran on it; the outputs are theirs */
};

/* mlperf.c. Takes a byte that is text's, and answers the command it ends; false: it belongs to a
 * frame. */
#ifdef NONN_WITHOUT_MLPERF
static inline bool nonn_mlperf_take(nonn_device *device, uint8_t byte) {
    (void)device;
    (void)byte;
    return false;
}
#else
bool nonn_mlperf_take(nonn_device *device, uint8_t byte);
#endif

/* mlperf_word.c. Words are separated by one space or more; cuts the next one off, NULL if there is
 * none. */
char *nonn_mlperf_word(char **rest);
/* A whole decimal number, INT32_MAX if it is larger; -1 for anything else. */
int32_t nonn_mlperf_number(const char *word);
bool nonn_mlperf_equal(const char *a, const char *b);
/* Whether a model's name is `id`, or begins with it and an underscore. */
bool nonn_mlperf_is(const char *name, const char *id);

/* The commands. Each returns what was wrong, to stand between e-[ and ], or NULL; a $ in it is
 * device->text.detail. */
const char *nonn_mlperf_db(nonn_device *device, char *arguments);        /* mlperf_input.c */
const char *nonn_mlperf_infer(nonn_device *device, char *arguments);     /* mlperf_infer.c */
const char *nonn_mlperf_results(nonn_device *device, char *arguments);   /* mlperf_infer.c */
const char *nonn_mlperf_timestamp(nonn_device *device, char *arguments); /* mlperf_infer.c */

/* mlperf_divide.c. Divides in place and returns the remainder. No 64-bit division: small cores call
 * a library. */
uint32_t nonn_divide(uint64_t *value, uint32_t divisor);

/* mlperf_input.c: of all input tensors together. */
uint32_t nonn_mlperf_input_bytes(const nonn_model_t *model);

/* mlperf_say.c: replies. They hold neither NUL nor %, so a line that sends them back starts
 * nothing. */
void nonn_say_char(nonn_device *device, char c);
/* In `text` a $ stands for `number`, and a line feed gets its carriage return. */
void nonn_say_with(nonn_device *device, const char *text, int32_t number);
void nonn_say(nonn_device *device, const char *text);
/* Another's words: what could end a command or a line becomes a question mark. */
void nonn_say_words(nonn_device *device, const char *words);
void nonn_say_error(nonn_device *device, const char *error);
void nonn_say_count(nonn_device *device, uint64_t count);
void nonn_say_flush(nonn_device *device);

#endif
