/* SPDX-License-Identifier: MIT
 *
 * What a part of the reference host calls besides the code under test, in a program of the build
 * machine: a panic ends it, messages go nowhere, and nothing needs protection.
 */

#include <stdlib.h>

#include "host/base/log.h"
#include "host/base/memory.h"
#include "host/base/panic.h"

void host_panic(const char *format, ...)
{
    (void)format;
    abort();
}

void host_log(enum log_level level, const char *format, ...)
{
    (void)level;
    (void)format;
}

void guest_protect(uint64_t start, uint64_t length, const char *what)
{
    (void)start;
    (void)length;
    (void)what;
}
