/* SPDX-License-Identifier: MIT */
#include "host/base/log.h"

#include <stdarg.h>

#include "host/base/instructions.h"
#include "lib/fmt.h"

#define DEBUG_CONSOLE_PORT 0xE9
#define LINE_MAX           256

static enum log_level log_level = LOG_INFO;

void log_set_level(enum log_level level)
{
    log_level = level;
}

bool log_takes(enum log_level level)
{
    return level <= log_level;
}

void host_log(enum log_level level, const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;
    int length;

    if (!log_takes(level))
        return;
    va_start(args, format);
    length = fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    if (length > 0)
        cpu_out8_string(DEBUG_CONSOLE_PORT, line,
                        (size_t)length < sizeof(line) ? (size_t)length : sizeof(line) - 1);
}
