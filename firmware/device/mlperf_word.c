#include <stddef.h>

#include "mlperf.h"

char *nonn_mlperf_word(char **rest) {
    char *word = *rest;
    while (*word == ' ') {
        word++;
    }
    if (*word == '\0') {
        return NULL;
    }
    char *end = word;
    while (*end != ' ' && *end != '\0') {
        end++;
    }
    *rest = end;
    if (*end == ' ') {
        *end = '\0';
        *rest = end + 1;
    }
    return word;
}

int32_t nonn_mlperf_number(const char *word) {
    int32_t number = 0;
    for (; *word != '\0'; word++) {
        const int32_t digit = *word - '0';
        if (digit < 0 || digit > 9) {
            return -1;
        }
        number = number > (INT32_MAX - 9) / 10 ? INT32_MAX : number * 10 + digit;
    }
    return number;
}

/* What follows `start` in a text that begins with it; a question mark if it does not. */
static const char *after(const char *text, const char *start) {
    for (; *start != '\0'; start++, text++) {
        if (*text != *start) {
            return "?";
        }
    }
    return text;
}

bool nonn_mlperf_equal(const char *a, const char *b) {
    return *after(a, b) == '\0';
}

bool nonn_mlperf_is(const char *name, const char *id) {
    return nonn_mlperf_equal(name, id) || *after(name, id) == '_';
}
