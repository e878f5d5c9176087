/* Models whose memory is watched: every tensor lies between guard bytes. */
#ifndef FAKE_MODEL_H
#define FAKE_MODEL_H

#include <stdbool.h>

#include "nonn/model.h"

/* The same mathematics, with what a model can be set to. `input_survives`: runs leave the inputs
 * alone; otherwise outputs lie where inputs were, as in a planned arena. After `good_runs` of them
 * invoke returns -7. */
const nonn_model_t *fake_model(bool input_survives, long good_runs);

/* One input and one output, which is what layer 1 makes of it, both of 64 bytes; the bias is what a
 * reset leaves. Named ad01_fake; runs leave the input alone. */
const nonn_model_t *fake_autoencoder(void);

/* Does not start: error -9. */
const nonn_model_t *fake_failure(void);

/* The same as `first`, with a head as the device's second model, named so: one input and one output
 * of 6 bytes, verdict[i] = votes[i] * 5 + i, which overwrites the input. It runs only if it was
 * started. */
const nonn_model_t *fake_with_head(const nonn_model_t *first);

/* Fills every tensor as a reset leaves RAM: byte i of tensor b is i * 37 + b * 11 + 5. */
void fake_model_forget(void);

/* Aborts if a byte outside the tensors changed. */
void fake_model_check_guards(void);

#endif
