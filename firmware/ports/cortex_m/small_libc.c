/* Functions of the C library for TensorFlow Lite Micro, small where newlib's are unrolled assembly:
 * it compares a few names when it starts, and moves a few bytes. The native runtime links none of
 * them.
 *
 * Loops by hand, and through volatile where the compiler would see a library call in them. */
#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* newlib's lies in 100 bytes of state for stdio. */
int *__errno(void) {
    static int error;
    return &error;
}

int strncmp(const char *a, const char *b, size_t limit) {
    for (; limit > 0; limit--, a++, b++) {
        const int difference = (unsigned char)*a - (unsigned char)*b;
        if (difference != 0 || *a == '\0') {
            return difference;
        }
    }
    return 0;
}

int strcmp(const char *a, const char *b) {
    return strncmp(a, b, PTRDIFF_MAX);
}

int memcmp(const void *a, const void *b, size_t size) {
    const unsigned char *x = a;
    const unsigned char *y = b;
    for (; size > 0; size--, x++, y++) {
        if (*x != *y) {
            return *x - *y;
        }
    }
    return 0;
}

void *memmove(void *to, const void *from, size_t size) {
    volatile unsigned char *target = to;
    const unsigned char *source = from;
    if ((uintptr_t)target - (uintptr_t)source >= size) {
        for (size_t i = 0; i < size; i++) {
            target[i] = source[i];
        }
    } else {
        while (size > 0) {
            size--;
            target[size] = source[size];
        }
    }
    return to;
}
