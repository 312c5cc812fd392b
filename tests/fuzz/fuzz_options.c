/* SPDX-License-Identifier: MIT */
/* The option file of the host with any content. A wrong one ends the host with a sentence. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host/base/log.h"
#include "host/base/panic.h"
#include "host/cpu/entry_cost.h"
#include "host/iommu/soft_backend.h"
#include "host/launch/host_options.h"
#include "host/platform/generation2.h"
#include "host/vdev/vdev.h"
#include "tests/fuzz/fuzz.h"

struct soft_options soft_options;
bool vdev_off_bus;
struct generation2 generation2;
static jmp_buf stopped;

void host_stop(const char *format, ...)
{
    char line[512];
    va_list args;

    va_start(args, format);
    if (vsnprintf(line, sizeof(line), format, args) < 0)
        abort();
    va_end(args);
    longjmp(stopped, 1);
}

bool entry_cost_wanted;

void panic_test_arm(void)
{
}

void log_set_level(enum log_level level)
{
    if (level > LOG_TRACE)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *volatile text = malloc(size + 1); /* the parser ends the last word */

    if (!text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    soft_options = (struct soft_options){.levels = 4};
    if (setjmp(stopped) == 0)
        host_options_apply(text, size);
    if (soft_options.levels < 4 || soft_options.levels > 5)
        abort();
    free(text);
    return 0;
}
