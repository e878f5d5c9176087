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

bool nonn_mlperf_is(const char *name, const char *id) {
    while (*id != '\0' && *id == *name) {
        id++;
        name++;
    }
    return *id == '\0' && (*name == '\0' || *name == '_');
}

bool nonn_mlperf_equal(const char *a, const char *b) {
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}
