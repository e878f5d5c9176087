/* A model without weights for testing the boards: layer 0 reverses the eight inputs, layer 1 adds
 * one to each and, on Arm, executes SPIN_INSTRUCTIONS more. */
#include <stddef.h>

#include "nonn/model.h"

#define SPIN_INSTRUCTIONS 4000000u

static int8_t arena[24];

static const nonn_tensor tensors[3] = {
    {"in", 8, 2, {1, 8}, 0.5f, -3},
    {"reverse", 8, 2, {1, 8}, 0.5f, -3},
    {"plus_one", 8, 2, {1, 8}, 0.5f, -3},
};

static int8_t *input_data(uint16_t i) {
    (void)i;
    return arena;
}

static const int8_t *output_data(uint16_t i) {
    (void)i;
    return arena + 16;
}

static const int8_t *layer_data(uint16_t i) {
    return arena + 8 + 8 * (ptrdiff_t)i;
}

/* Two instructions a turn. */
static void spin(void) {
#if defined(__arm__) && !defined(__linux__)
    uint32_t turns = SPIN_INSTRUCTIONS / 2u;
    __asm volatile("1: subs %0, #1\n bne 1b" : "+r"(turns) : : "cc");
#endif
}

#if defined(__arm__) && !defined(__linux__)
enum { WILD_READ = 100, WILD_WRITE = 101, WILD_JUMP = 102, STACK_OVERFLOW = 103 };

__attribute__((noinline)) static void overflow_stack(void) {
    volatile uint8_t big[5000];
    for (size_t i = sizeof big; i-- > 0;) {
        big[i] = (uint8_t)i;
    }
    (void)big[0];
}

static void misbehave(int8_t how) {
    volatile uint32_t *const nowhere = (volatile uint32_t *)0xF0000000u;
    if (how == WILD_READ) {
        (void)*nowhere;
    } else if (how == WILD_WRITE) {
        *nowhere = 1;
    } else if (how == WILD_JUMP) {
        ((void (*)(void))0xF0000001u)();
    } else if (how == STACK_OVERFLOW) {
        overflow_stack();
    }
}
#else
static void misbehave(int8_t how) {
    (void)how;
}
#endif

static int invoke(uint16_t last) {
    misbehave(arena[0]);
    for (int i = 0; i < 8; i++) {
        arena[8 + i] = arena[7 - i];
    }
    if (last > 0) {
        spin();
        for (int i = 0; i < 8; i++) {
            arena[16 + i] = (int8_t)(arena[8 + i] + (arena[8 + i] < INT8_MAX));
        }
    }
    return 0;
}

const nonn_model_t nonn_model = {
    .name = "stub",
    .runtime = "native",
    .digest = {0x5a, 0x01},
    .arena_bytes = sizeof arena,
    .input_survives = true,
    .inputs = 1,
    .outputs = 1,
    .layers = 2,
    .input = &tensors[0],
    .output = &tensors[2],
    .layer = &tensors[1],
    .input_data = input_data,
    .output_data = output_data,
    .layer_data = layer_data,
    .invoke = invoke,
};
