#ifndef STAND_IN_DEBUG_LOG_H
#define STAND_IN_DEBUG_LOG_H

#include <cstdarg>
#include <cstddef>

extern "C" {
void DebugLog(const char *format, va_list args);
int DebugVsnprintf(char *buffer, size_t buf_size, const char *format, va_list vlist);
}

#endif
