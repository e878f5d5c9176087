#include "fake_model.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GUARD 64
#define FIRST_INPUT 64
#define SECOND_INPUT 3
#define MIDDLE 100
#define SCORES 10
#define SPARE 5
#define VOTES 6

enum { LAYERS = 3 };

/* One block for each tensor, so that AddressSanitizer sees reads outside too, and guards that show
 * writes. */
enum { IN_0, IN_1, OWN_SCORES, OWN_SPARE, TAP, HEAD, BLOCKS };
static int8_t *blocks[BLOCKS];
static const size_t sizes[BLOCKS] = {FIRST_INPUT, SECOND_INPUT, SCORES, SPARE, MIDDLE, VOTES};

static bool survives;
static bool reconstructs;
static long good_runs_left;
static bool head_started;

static int8_t *at(int block) {
    if (blocks[block] == NULL) {
        blocks[block] = malloc(sizes[block] + 2 * GUARD);
        if (blocks[block] == NULL) {
            abort();
        }
        memset(blocks[block], 0x5A, sizes[block] + 2 * GUARD);
    }
    return blocks[block] + GUARD;
}

void fake_model_check_guards(void) {
    for (int b = 0; b < BLOCKS; b++) {
        const int8_t *start = at(b) - GUARD;
        for (size_t i = 0; i < GUARD; i++) {
            if (start[i] != 0x5A || start[GUARD + sizes[b] + i] != 0x5A) {
                (void)fprintf(stderr, "block %d: a guard byte changed\n", b);
                abort();
            }
        }
    }
}

void fake_model_forget(void) {
    head_started = false;
    for (int b = 0; b < BLOCKS; b++) {
        for (size_t i = 0; i < sizes[b]; i++) {
            at(b)[i] = (int8_t)(i * 37 + (size_t)b * 11 + 5);
        }
    }
}

static int8_t *input_data(uint16_t i) {
    return at(i == 0 ? IN_0 : IN_1);
}

/* Scores over the first input, unless that must survive; the spare output in a place of its own. */
static int8_t *output(uint16_t i) {
    if (reconstructs) {
        return at(TAP);
    }
    return i == 0 ? at(survives ? OWN_SCORES : IN_0) : at(OWN_SPARE);
}

static const int8_t *output_data(uint16_t i) {
    return output(i);
}

static const int8_t *layer_data(uint16_t i) {
    return i == LAYERS - 1 ? output(0) : at(TAP);
}

/* Layer 0: middle[i] = in0[i mod 64] * 3 + in1[i mod 3] + i. Layer 1: middle[i] ^= i * 7. Layer 2:
 * scores[j] = the sum of every tenth of middle, and spare[k] = middle[k] - middle[99 - k]. All
 * modulo 256. */
static int invoke(uint16_t last) {
    if (good_runs_left-- <= 0) {
        return -7;
    }
    int8_t *middle = at(TAP);
    for (int i = 0; i < MIDDLE; i++) {
        middle[i] = (int8_t)(at(IN_0)[i % FIRST_INPUT] * 3 + at(IN_1)[i % SECOND_INPUT] + i);
    }
    if (!survives) {
        memset(at(IN_1), 0, SECOND_INPUT);
    }
    for (int i = 0; last >= 1 && i < MIDDLE; i++) {
        middle[i] = (int8_t)(middle[i] ^ (i * 7));
    }
    if (reconstructs) {
        return 0;
    }
    for (int j = 0; last >= 2 && j < SCORES; j++) {
        int sum = 0;
        for (int i = j; i < MIDDLE; i += SCORES) {
            sum += middle[i];
        }
        output(0)[j] = (int8_t)sum;
    }
    for (int k = 0; last >= 2 && k < SPARE; k++) {
        output(1)[k] = (int8_t)(middle[k] - middle[MIDDLE - 1 - k]);
    }
    return 0;
}

static const nonn_tensor inputs[] = {
    {"image", FIRST_INPUT, 4, {1, 8, 8, 1}, 0.5f, -128},
    {"bias", SECOND_INPUT, 2, {1, 3}, 0.25f, 0},
};
static const nonn_tensor outputs[] = {
    {"scores", SCORES, 2, {1, 10}, 0.00390625f, -128},
    {"spare", SPARE, 1, {5}, 1.0f, 127},
};
static const nonn_tensor reconstruction = {"again", FIRST_INPUT, 4, {1, 8, 8, 1}, 0.75f, 5};
static const nonn_tensor layers[] = {
    {"mix", MIDDLE, 3, {4, 5, 5}, 0.125f, 1},
    {"twist\n\xc3\xa9", MIDDLE, 1, {100}, 0.125f, 2},
    {"sum", SCORES, 2, {1, 10}, 0.00390625f, -128},
};

const nonn_model_t *fake_model(bool input_survives, long good_runs) {
    static nonn_model_t model = {
        .name = "fake",
        .runtime = "native",
        .digest = {1, 2, 3, 0, 255},
        .arena_bytes = 1234,
        .inputs = 2,
        .outputs = 2,
        .layers = LAYERS,
        .input = inputs,
        .output = outputs,
        .layer = layers,
        .input_data = input_data,
        .output_data = output_data,
        .layer_data = layer_data,
        .invoke = invoke,
    };
    survives = input_survives;
    good_runs_left = good_runs;
    model.input_survives = input_survives;
    return &model;
}

const nonn_model_t *fake_autoencoder(void) {
    static nonn_model_t model;
    model = *fake_model(true, LONG_MAX);
    model.name = "ad01_fake";
    model.inputs = 1;
    model.outputs = 1;
    model.output = &reconstruction;
    reconstructs = true;
    return &model;
}

static int refuse(void) {
    return -9;
}

const nonn_model_t *fake_failure(void) {
    static nonn_model_t model;
    model = *fake_model(true, 0);
    model.start = refuse;
    return &model;
}

static int start_head(void) {
    head_started = true;
    return 0;
}

static int8_t *votes(uint16_t i) {
    (void)i;
    return at(HEAD);
}

static const int8_t *verdict(uint16_t i) {
    return votes(i);
}

static int invoke_head(uint16_t last) {
    if (!head_started || last != 0) {
        return -5;
    }
    for (int i = 0; i < VOTES; i++) {
        at(HEAD)[i] = (int8_t)(at(HEAD)[i] * 5 + i);
    }
    return 0;
}

const nonn_model_t *fake_with_head(const nonn_model_t *first) {
    static const nonn_tensor input = {"votes", VOTES, 2, {2, 3}, 0.5f, 3};
    static const nonn_tensor output = {"verdict", VOTES, 1, {6}, 0.25f, -4};
    static const nonn_tensor layer = {"fuse", VOTES, 2, {1, 6}, 0.25f, -4};
    static const nonn_model_t head = {
        .name = "head",
        .runtime = "native",
        .digest = {4, 5, 6},
        .arena_bytes = 77,
        .inputs = 1,
        .outputs = 1,
        .layers = 1,
        .input = &input,
        .output = &output,
        .layer = &layer,
        .start = start_head,
        .input_data = votes,
        .output_data = verdict,
        .layer_data = verdict,
        .invoke = invoke_head,
    };
    static nonn_model_t model;
    model = *first;
    model.next = &head;
    return &model;
}
