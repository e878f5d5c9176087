#include <stddef.h>

#include "mlperf.h"
#include "mlperf_real.h"

static uint64_t now(const nonn_device *device) {
    return device->port->ticks != NULL ? device->port->ticks() : 0;
}

/* Whole seconds and the rest apart, so that nothing overflows. */
static void say_lap(nonn_device *device, uint64_t ticks) {
    const uint32_t per_second = device->port->ticks_per_second;
    uint64_t microseconds = 0;
    if (per_second != 0) {
        microseconds = (uint64_t)nonn_divide(&ticks, per_second) * 1000000;
        (void)nonn_divide(&microseconds, per_second);
        microseconds += ticks * 1000000;
    }
    nonn_say(device, "m-lap-us-");
    nonn_say_count(device, microseconds);
    nonn_say(device, "\n");
}

const char *nonn_mlperf_timestamp(nonn_device *device, char *arguments) {
    (void)arguments;
    if (device->port->mark != NULL) {
        nonn_say_flush(device);
        device->port->mark();
    } else {
        say_lap(device, now(device));
    }
    return NULL;
}

/* The autoencoder's result is one number, how far its output is from its input. */
static bool is_autoencoder(const nonn_model_t *model) {
    return nonn_mlperf_is(model->name, "ad01") && model->inputs == 1 && model->outputs == 1 &&
           model->input->bytes == model->output->bytes;
}

static void say_outputs(nonn_device *device) {
    const nonn_model_t *model = device->served[0].model;
    for (uint16_t i = 0; i < model->outputs; i++) {
        const nonn_tensor *tensor = &model->output[i];
        const int8_t *data = model->output_data(i);
        for (uint32_t j = 0; j < tensor->bytes; j++) {
            if (i + j > 0) {
                nonn_say_char(device, ',');
            }
            const int32_t distance = data[j] - tensor->zero_point;
            nonn_say_real(device, distance < 0, nonn_real_dequantize(distance, tensor->scale));
        }
    }
}

const char *nonn_mlperf_results(nonn_device *device, char *arguments) {
    (void)arguments;
    const nonn_model_t *model = device->served[0].model;
    if (device->text.input != NONN_INPUT_USED) {
        return "No results: 'infer' first";
    }
    nonn_say(device, "m-results-[");
    if (is_autoencoder(model)) {
        nonn_say_real(device, false,
                      nonn_real_mean_square(model->output, model->output_data(0), model->input,
                                            model->input_data(0)));
    } else {
        say_outputs(device);
    }
    nonn_say(device, "]\n");
    return NULL;
}

/* Whether all went well. */
static bool invoke(nonn_device *device, int32_t times) {
    nonn_say_flush(device);
    device->text.detail = 0;
    for (; times > 0 && device->text.detail == 0; times--) {
        device->text.detail =
            device->served[0].model->invoke((uint16_t)(device->served[0].model->layers - 1));
        device->invocations++;
    }
    return device->text.detail == 0;
}

/* Laps are said only when both are known: sending the first takes longer than many an inference. */
static const char *run(nonn_device *device, int32_t times, int32_t warmups) {
    static const char failed[] = "Inference failed: error $";
    const nonn_port *port = device->port;
    device->served[0].run.id = 0;
    device->text.input = NONN_INPUT_FOREIGN; /* until all went well */
    nonn_say_with(device, "m-warmup-start-$\n", warmups);
    if (!invoke(device, warmups)) {
        return failed;
    }
    nonn_say_with(device, "m-warmup-done\nm-infer-start-$\n", times);
    nonn_say_flush(device);
    if (port->mark != NULL) {
        port->mark();
    }
    const uint64_t start = now(device);
    if (!invoke(device, times)) {
        return failed;
    }
    const uint64_t end = now(device);
    if (port->mark != NULL) {
        port->mark();
    } else {
        say_lap(device, start);
        say_lap(device, end);
    }
    nonn_say(device, "m-infer-done\n");
    device->text.input = NONN_INPUT_USED;
    return nonn_mlperf_results(device, NULL);
}

/* Every inference is to have the input that was sent, or there is none. */
const char *nonn_mlperf_infer(nonn_device *device, char *arguments) {
    const nonn_model_t *model = device->served[0].model;
    nonn_text *text = &device->text;
    const char *first = nonn_mlperf_word(&arguments);
    const char *second = nonn_mlperf_word(&arguments);
    const int32_t times = first != NULL ? nonn_mlperf_number(first) : 1;
    const int32_t warmups = second != NULL ? nonn_mlperf_number(second) : 10;
    if (times <= 0) {
        return "Inference iterations must be >0";
    }
    if (warmups < 0) {
        return "Inference warmup must be >=0";
    }
    if (text->input < NONN_INPUT_LOADED) {
        return "No input: 'db load' and 'db' first";
    }
    const uint32_t bytes = nonn_mlperf_input_bytes(model);
    if (text->announced != bytes && text->announced != 4 * bytes) {
        text->detail = (int32_t)bytes;
        return "The input has $ bytes, or four times as many as float32";
    }
    if (!model->input_survives &&
        (text->input == NONN_INPUT_USED || times > 1 || warmups > 0 || is_autoencoder(model))) {
        return "The input is used up: load it for each 'infer 1 0',"
               " or build --keep-input (NONN_KEEP_INPUT)";
    }
    return run(device, times, warmups);
}
