/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "host/base/log.h"
#include "host/hints/private.h"
#include "lib/bits.h"
#include "lib/fmt.h"

#define ALL_UNTIL 32u
#define TEXT_MAX  200u

static const char *const names[] = {
    [HINT_FLUSH_LIST_TOO_SHORT] = "flush-list-too-short",
    [HINT_STALE_LEAF_USED] = "stale-leaf-used",
    [HINT_DELETE_WITH_DEVICES] = "delete-with-devices",
    [HINT_MSI_WINDOW_MAPPED] = "msi-window-mapped",
};
_Static_assert(ARRAY_SIZE(names) == HINTS, "a hint has no name");

void hint_tell(enum hint hint, const char *format, ...)
{
    static unsigned long long counts[HINTS];
    unsigned long long count = ++counts[hint];
    char text[TEXT_MAX];
    va_list args;

    if (count > ALL_UNTIL && (count & (count - 1)) != 0)
        return;
    va_start(args, format);
    fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    host_log(LOG_TRACE, "hint %s %llu: %s\n", names[hint], count, text);
}
