/* SPDX-License-Identifier: MIT */
/* Ending a test, and the checks that do. */
#include <stdarg.h>

#include "drivers/hypercall.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/test.h"

static void end(struct test_run *t, enum verdict verdict, const char *file, unsigned line,
                const char *format, va_list args)
{
    t->verdict = verdict;
    t->where_file = file;
    t->where_line = line;
    fmt_vsnprintf(t->message, sizeof(t->message), format, args);
}

void test_setup(struct test_run *t, const char *requirements)
{
    t->setup = requirements;
}

void test_beside(struct test_run *t, const char *requirement)
{
    t->beside = requirement;
}

void test_fail(struct test_run *t, const char *file, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    end(t, VERDICT_FAIL, file, line, format, args);
    va_end(args);
    containment_abort();
}

void test_error(struct test_run *t, const char *file, unsigned line, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    end(t, VERDICT_ERROR, file, line, format, args);
    va_end(args);
    containment_abort();
}

void test_skip(struct test_run *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    end(t, VERDICT_SKIP, NULL, 0, format, args);
    va_end(args);
    containment_abort();
}

void test_observe(struct test_run *t, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fmt_vsnprintf(t->observation, sizeof(t->observation), format, args);
    va_end(args);
}

void test_step(struct test_run *t, const char *format, ...)
{
    struct step *s = &t->steps[t->step_count++ % STEPS_MAX];
    unsigned count = 0;
    va_list args;

    s->format = format;
    va_start(args, format);
    for (const char *c = strchr(format, '%'); c && count < STEP_ARGS; c = strchr(c + 1, '%'))
        s->args[count++] = va_arg(args, uint64_t);
    va_end(args);
}

void check_equal(struct test_run *t, const char *file, unsigned line, uint64_t actual,
                 uint64_t expected, const char *what)
{
    if (actual == expected)
        return;
    fmt_snprintf(t->expected, sizeof(t->expected), "0x%llx", (unsigned long long)expected);
    fmt_snprintf(t->actual, sizeof(t->actual), "0x%llx", (unsigned long long)actual);
    test_fail(t, file, line, "%s", what);
}

void check_status(struct test_run *t, const char *file, unsigned line, unsigned actual,
                  unsigned expected, const char *what)
{
    if (actual == expected)
        return;
    fmt_snprintf(t->expected, sizeof(t->expected), "%s (0x%x)", hv_status_name(expected), expected);
    fmt_snprintf(t->actual, sizeof(t->actual), "%s (0x%x)", hv_status_name(actual), actual);
    test_fail(t, file, line, "%s", what);
}

void check_refused(struct test_run *t, const char *file, unsigned line, unsigned actual,
                   const char *what)
{
    if (actual != HV_STATUS_SUCCESS)
        return;
    fmt_snprintf(t->expected, sizeof(t->expected), "any status but SUCCESS");
    fmt_snprintf(t->actual, sizeof(t->actual), "SUCCESS");
    test_fail(t, file, line, "%s", what);
}
