/* SPDX-License-Identifier: MIT */
#include <stdarg.h>

#include "kernel/console.h"
#include "kernel/image.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "lib/tap.h"
#include "tests/harness/replay.h"
#include "tests/harness/report.h"
#include "tests/harness/transcript.h"

/* Of a report. */
#define OPERATIONS_PER_LINE 32u

static struct {
    char *text; /* NULL = no copy is kept */
    size_t size, used;
} copy;

static void console_sink(void *sink, const char *text, size_t length)
{
    (void)sink;
    console_write(text, length);
    if (copy.text) {
        size_t room = copy.size - 1 - copy.used;

        length = length < room ? length : room;
        memcpy(copy.text + copy.used, text, length);
        copy.used += length;
    }
}

/* The stream that the harness owns; nothing else writes to COM1 once it has begun. */
static struct tap stream = {.write = console_sink};

void report_begin(unsigned planned)
{
    tap_begin(&stream, planned);
}

void report_resume(unsigned written)
{
    stream.written = written;
}

void report_copy_begin(char *text, size_t size)
{
    copy.text = text;
    copy.size = size;
    copy.used = 0;
}

size_t report_copy_end(void)
{
    size_t used = copy.used;

    if (copy.text)
        copy.text[used] = '\0';
    copy.text = NULL;
    copy.used = 0;
    return used;
}

void report_comment(const char *format, ...)
{
    char text[512];
    va_list args;

    va_start(args, format);
    fmt_vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    tap_comment(&stream, "%s", text);
}

void report_bail_out(const char *reason)
{
    tap_bail_out(&stream, reason);
}

static void report_steps(const struct test_run *t)
{
    unsigned first = t->step_count > STEPS_MAX ? t->step_count - STEPS_MAX : 0;

    for (unsigned n = first; n < t->step_count; n++) {
        const struct step *s = &t->steps[n % STEPS_MAX];
        char key[16], text[TEXT_MAX];

        fmt_snprintf(key, sizeof(key), "step%u", n + 1);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
#pragma GCC diagnostic ignored "-Wformat-security"
        fmt_snprintf(text, sizeof(text), s->format, s->args[0], s->args[1], s->args[2], s->args[3],
                     s->args[4]);
#pragma GCC diagnostic pop
        tap_yaml_text(&stream, key, text);
    }
}

/* Prints the faults that the host has recorded since the test began; the reset after the test
 * drains the rest. */
static void report_faults(void)
{
    unsigned count;
    const struct oracle_fault *faults = oracle_faults_taken(&count);

    for (unsigned n = count > ORACLE_FAULTS_KEPT ? count - ORACLE_FAULTS_KEPT : 0; n < count; n++) {
        char key[16], text[TEXT_MAX];

        fmt_snprintf(key, sizeof(key), "fault%u", n + 1);
        oracle_fault_text(text, sizeof(text), &faults[n % ORACLE_FAULTS_KEPT]);
        tap_yaml_text(&stream, key, text);
    }
}

/* Several on a line, as the report has room for so many keys. */
static void report_operations(void)
{
    unsigned count;
    const struct operation *list = replay_played(&count);

    for (unsigned first = 0; first < count; first += OPERATIONS_PER_LINE) {
        char key[24], text[OPERATIONS_PER_LINE * (OPERATION_TEXT_MAX + 2)];
        size_t used = 0;

        for (unsigned i = first; i < count && i < first + OPERATIONS_PER_LINE; i++) {
            used += (size_t)fmt_snprintf(text + used, sizeof(text) - used, i > first ? "; " : "");
            operation_text(&list[i], text + used, sizeof(text) - used);
            used += strlen(text + used);
        }
        fmt_snprintf(key, sizeof(key), "operations%u", first + 1);
        tap_yaml_text(&stream, key, text);
    }
}

void report_frames(const uint64_t *addresses, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        report_comment("frame: rip=0x%llx offset=0x%llx", (unsigned long long)addresses[i],
                       (unsigned long long)(addresses[i] - image_base()));
    }
}

static void report_trap(const struct trap_report *trap)
{
    const struct trap_frame *f = &trap->frame;

    report_comment("trap: vector=%llu error=0x%llx rip=0x%llx rsp=0x%llx cr2=0x%llx rflags=0x%llx",
                   (unsigned long long)f->vector, (unsigned long long)f->error,
                   (unsigned long long)f->rip, (unsigned long long)f->rsp,
                   (unsigned long long)trap->cr2, (unsigned long long)f->rflags);
    report_comment(
        "regs: rax=0x%llx rbx=0x%llx rcx=0x%llx rdx=0x%llx rsi=0x%llx rdi=0x%llx rbp=0x%llx",
        (unsigned long long)f->rax, (unsigned long long)f->rbx, (unsigned long long)f->rcx,
        (unsigned long long)f->rdx, (unsigned long long)f->rsi, (unsigned long long)f->rdi,
        (unsigned long long)f->rbp);
    report_comment("regs: r8=0x%llx r9=0x%llx r10=0x%llx r11=0x%llx r12=0x%llx r13=0x%llx "
                   "r14=0x%llx r15=0x%llx",
                   (unsigned long long)f->r8, (unsigned long long)f->r9, (unsigned long long)f->r10,
                   (unsigned long long)f->r11, (unsigned long long)f->r12,
                   (unsigned long long)f->r13, (unsigned long long)f->r14,
                   (unsigned long long)f->r15);
    report_frames(&f->rip, 1);
    report_frames(trap->backtrace, trap->backtrace_count);
}

static void text_if(const char *key, const char *value)
{
    if (value && value[0])
        tap_yaml_text(&stream, key, value);
}

/* The check that decided; often it is one of a fixture. */
static void report_where(const struct test_run *t)
{
    char text[TEXT_MAX];

    if (!t->where_file)
        return; /* the runner knows where the test is */
    fmt_snprintf(text, sizeof(text), "%s:%u", t->where_file, t->where_line);
    tap_yaml_text(&stream, "where", text);
}

void report_test(const struct test_run *t, uint64_t verbose)
{
    bool ok = t->verdict == VERDICT_PASS || t->verdict == VERDICT_SKIP;

    if (!ok)
        transcript_report();
    if (t->trapped)
        report_trap(&t->trap);
    tap_point(&stream, ok, t->instance, t->verdict == VERDICT_SKIP ? "SKIP" : NULL,
              t->message[0] ? t->message : NULL);
    tap_yaml_begin(&stream);
    if (!ok) {
        tap_yaml_text(&stream, "verdict", t->verdict == VERDICT_FAIL ? "fail" : "error");
        tap_yaml_text(&stream, "message", t->message);
        text_if("requirement", t->verdict == VERDICT_FAIL ? t->setup : NULL);
        text_if("beside", t->verdict == VERDICT_FAIL ? t->beside : NULL);
        text_if("expected", t->expected);
        text_if("actual", t->actual);
        report_where(t);
    }
    if (!ok || verbose >= REPORT_STEPS)
        report_steps(t);
    if (!ok || verbose >= REPORT_FAULTS)
        report_faults();
    if (t->shrunk[0]) {
        tap_yaml_text(&stream, "shrunk", t->shrunk);
        report_operations();
    }
    text_if("observation", t->observation);
    text_if("second_chance", t->second_chance);
    tap_yaml_number(&stream, "duration_us", t->duration_us);
    tap_yaml_end(&stream);
}

void report_end(const struct suite_counts *c, uint64_t duration_us)
{
    report_comment("end: planned=%u pass=%u fail=%u error=%u skip=%u duration_us=%llu moved=%u",
                   c->planned, c->pass, c->fail, c->error, c->skip, (unsigned long long)duration_us,
                   c->moved);
}
