/* SPDX-License-Identifier: MIT */
#include "host/base/log.h"

#include <stdarg.h>
#include <stdbool.h>

#include "host/base/instructions.h"
#include "host/base/panic.h"
#include "host/base/power.h"
#include "lib/fmt.h"

#define DEBUG_CONSOLE_PORT 0xE9
#define LINE_MAX           256

#define COM1_DATA           0x3F8
#define COM1_LINE_STATUS    0x3FD
#define COM1_TRANSMIT_EMPTY 0x20
#define COM1_WAIT_READS     100000u /* bound for a port that nobody empties */

static enum log_level log_level = LOG_INFO;
static bool guest_owns_com1;

void log_set_level(enum log_level level)
{
    log_level = level;
}

void log_leave_com1(void)
{
    guest_owns_com1 = true;
}

static void put_debug(const char *text)
{
    for (; *text; text++)
        cpu_out8(DEBUG_CONSOLE_PORT, (uint8_t)*text);
}

static void put_com1(const char *text)
{
    for (; *text; text++) {
        for (unsigned reads = 0; reads < COM1_WAIT_READS && !(cpu_in8(COM1_LINE_STATUS) & COM1_TRANSMIT_EMPTY); reads++)
            ;
        cpu_out8(COM1_DATA, (uint8_t)*text);
    }
}

void host_log(enum log_level level, const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;

    if (level > log_level)
        return;
    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put_debug(line);
}

static void __attribute__((noreturn)) end(const char *line)
{
    /* Before the guest runs nobody else would tell the user why there is no output; '#' is a comment in TAP. */
    if (!guest_owns_com1) {
        put_com1("\r\n# refhost: ");
        put_com1(line);
        put_com1("\r\n");
    }
    host_power_off(HOST_EXIT_ERROR);
}

void host_panic(const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    host_log(LOG_ERROR, "refhost: panic: %s\n", line);
    crash_print_stack((uintptr_t)__builtin_frame_address(0));
    end(line);
}

void host_stop(const char *format, ...)
{
    char line[LINE_MAX];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(line, sizeof(line), format, args);
    va_end(args);
    put_debug("refhost: ");
    put_debug(line);
    put_debug("\n");
    end(line);
}
