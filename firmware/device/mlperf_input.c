#include "mlperf.h"
#include "mlperf_real.h"

/* Bytes arrive in hex and go straight into the input tensors, as one row through all of them: there
 * is no buffer for what was sent. More bytes than the tensors have are float32 numbers. */

uint32_t nonn_mlperf_input_bytes(const nonn_model_t *model) {
    uint32_t bytes = 0;
    for (uint16_t i = 0; i < model->inputs; i++) {
        bytes += model->input[i].bytes;
    }
    return bytes;
}

/* Where element `at` of the row lies, and in which tensor. */
static int8_t *element(const nonn_model_t *model, uint32_t at, const nonn_tensor **tensor) {
    uint16_t i = 0;
    while (at >= model->input[i].bytes) {
        at -= model->input[i].bytes;
        i++;
    }
    *tensor = &model->input[i];
    return model->input_data(i) + at;
}

/* Images come as unsigned bytes. Where those are what the tensor stands for, its zero point is
 * -128: the same turn of the top bit leads from one to the other and back. */
static uint8_t turn(const nonn_tensor *tensor, uint8_t byte) {
    return tensor->zero_point == INT8_MIN ? byte ^ 0x80 : byte;
}

static const char *load(nonn_device *device, const char *word) {
    device->text.input = NONN_INPUT_FOREIGN;
    if (word == NULL) {
        return "Command 'db load' requires the # of bytes";
    }
    const int32_t size = nonn_mlperf_number(word);
    if (size <= 0) {
        return "Command 'db load' must be >0 bytes";
    }
    const int32_t bytes = (int32_t)nonn_mlperf_input_bytes(device->served[0].model);
    const int32_t most = 4 * bytes;
    if (size > most) {
        nonn_say_with(device, "Supplied buffer size $", size);
        nonn_say_with(device, " exceeds maximum of $", most);
        nonn_say_char(device, '\n'); /* alone: so the benchmark has it */
        return NULL;
    }
    device->text.input = NONN_INPUT_ARRIVING;
    device->text.floats = size > bytes;
    device->text.announced = (uint32_t)size;
    device->text.received = 0;
    nonn_say_with(device, "m-[Expecting $ bytes]\n", size);
    return NULL;
}

static const char *print(nonn_device *device) {
    enum { PER_LINE = 8 };
    static const char digits[] = "0123456789abcdef";
    const nonn_text *text = &device->text;
    if (text->input == NONN_INPUT_FOREIGN) {
        return NULL;
    }
    if (text->floats ||
        (text->input == NONN_INPUT_USED && !device->served[0].model->input_survives)) {
        return "The bytes are not kept";
    }
    for (uint32_t i = 0; i < text->received; i++) {
        const nonn_tensor *tensor;
        const int8_t *at = element(device->served[0].model, i, &tensor);
        const uint8_t byte = turn(tensor, (uint8_t)*at);
        nonn_say(device, i % PER_LINE != 0 ? "-" : i > 0 ? "\nm-buffer-" : "m-buffer-");
        nonn_say_char(device, digits[byte >> 4]);
        nonn_say_char(device, digits[byte & 15]);
    }
    if (text->received > 0) {
        nonn_say(device, "\n");
    }
    return NULL;
}

/* 16 if it is none. */
static uint8_t hex_digit(char c) {
    if (c >= '0' && c <= '9') {
        return (uint8_t)(c - '0');
    }
    const char lower = (char)(c | 0x20);
    return lower >= 'a' && lower <= 'f' ? (uint8_t)(lower - 'a' + 10) : 16;
}

static void store(nonn_device *device, uint8_t byte) {
    nonn_text *text = &device->text;
    const uint32_t at = text->received++;
    const nonn_tensor *tensor;
    int8_t *place = element(device->served[0].model, text->floats ? at / 4 : at, &tensor);
    text->part = text->part >> 8 | (uint32_t)byte << 24;
    if (!text->floats) {
        *place = (int8_t)turn(tensor, byte);
    } else if (at % 4 == 3) {
        *place = nonn_real_quantize(text->part, tensor);
    }
}

static const char *not_hex(nonn_device *device, char *pair) {
    pair[2] = '\0';
    nonn_say(device, "e-[Invalid hex digit '");
    nonn_say_words(device, pair);
    nonn_say(device, "']\n");
    return NULL;
}

/* Looks at all of the digits before it stores any: what is answered by an error changes nothing. */
static const char *data(nonn_device *device, char *word) {
    nonn_text *text = &device->text;
    uint32_t count = 0;
    for (; word[2 * count] != '\0'; count++) {
        if (word[2 * count + 1] == '\0') {
            return "Insufficent number of hex digits";
        }
    }
    uint8_t byte = 0;
    for (uint32_t i = 0; i < 2 * count; i++) {
        const uint8_t digit = hex_digit(word[i]);
        if (digit > 15) {
            return not_hex(device, word + (i & ~1u));
        }
        byte = (uint8_t)(byte << 4 | digit);
        if (i % 2 != 0) {
            word[i / 2] = (char)byte; /* over digits that have been read */
        }
    }
    if (text->input != NONN_INPUT_ARRIVING) {
        return "Command 'db' requires 'db load' first";
    }
    if (count > text->announced - text->received) {
        return "More bytes than 'db load' announced";
    }
    device->served[0].run.id = 0; /* the input may lie where the last run left its result */
    for (uint32_t i = 0; i < count; i++) {
        store(device, (uint8_t)word[i]);
    }
    if (text->received == text->announced) {
        text->input = NONN_INPUT_LOADED;
        nonn_say(device, "m-load-done\n");
    }
    return NULL;
}

const char *nonn_mlperf_db(nonn_device *device, char *arguments) {
    char *word = nonn_mlperf_word(&arguments);
    if (word == NULL) {
        return "Command 'db' requires a subcommand";
    }
    if (nonn_mlperf_equal(word, "load")) {
        return load(device, nonn_mlperf_word(&arguments));
    }
    if (nonn_mlperf_equal(word, "print")) {
        return print(device);
    }
    return data(device, word);
}
