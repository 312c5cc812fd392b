/* SPDX-License-Identifier: MIT */
#include "tests/harness/tally.h"
#include "drivers/hypercall.h"
#include "lib/fmt.h"
#include "lib/string.h"

void tally_add(struct tally *tally, enum hv_status status)
{
    for (unsigned i = 0; i < tally->used; i++) {
        if (tally->seen[i].status == status) {
            tally->seen[i].count++;
            return;
        }
    }
    if (tally->used == TALLY_STATUSES) {
        tally->others++;
        return;
    }
    tally->seen[tally->used].status = status;
    tally->seen[tally->used++].count = 1;
}

unsigned tally_count(const struct tally *tally, enum hv_status status)
{
    for (unsigned i = 0; i < tally->used; i++)
        if (tally->seen[i].status == status)
            return tally->seen[i].count;
    return 0;
}

/* Appends to a text that is cut when it is full. */
static void append(char *text, size_t size, const char *more)
{
    size_t length = strlen(text);

    fmt_snprintf(text + length, size - length, "%s", more);
}

static void append_status(char *text, size_t size, enum hv_status status, unsigned count,
                          const char *separator)
{
    char item[64];

    fmt_snprintf(item, sizeof(item), count > 1 ? "%s%s (0x%x) x%u" : "%s%s (0x%x)", separator,
                 hv_status_name(status), (unsigned)status, count);
    append(text, size, item);
}

static void begin(struct test_run *t, const char *what)
{
    if (t->observation[0])
        append(t->observation, sizeof(t->observation), "; ");
    append(t->observation, sizeof(t->observation), what);
}

void observe_tally(struct test_run *t, const char *what, const struct tally *tally)
{
    begin(t, what);
    for (unsigned i = 0; i < tally->used; i++) {
        append_status(t->observation, sizeof(t->observation), tally->seen[i].status,
                      tally->seen[i].count, i ? ", " : ": ");
    }
    if (tally->others)
        append(t->observation, sizeof(t->observation), ", others");
}

void observe_status(struct test_run *t, const char *what, enum hv_status status)
{
    begin(t, what);
    append_status(t->observation, sizeof(t->observation), status, 1, ": ");
}
