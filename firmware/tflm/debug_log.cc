/* The library prints through these two. The line belongs to the protocol, and what could go wrong
 * has a number (nonn/tflm.h); besides, printf would take more flash than some models. Not to be
 * linked beside a package that brings its own. */
#include "tensorflow/lite/micro/debug_log.h"

void DebugLog(const char *format, va_list args) {
    (void)format;
    (void)args;
}

int DebugVsnprintf(char *buffer, size_t buf_size, const char *format, va_list vlist) {
    (void)format;
    (void)vlist;
    if (buf_size > 0) {
        buffer[0] = '\0';
    }
    return 0;
}
