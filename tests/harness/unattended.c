/* SPDX-License-Identifier: MIT */
/* The half after ExitBootServices: results into records, records into variables. */
#include "tests/harness/unattended.h"

#include "kernel/panic.h"
#include "kernel/power.h"
#include "kernel/runtime_services.h"
#include "kernel/time.h"
#include "lib/fmt.h"
#include "lib/string.h"
#include "tests/harness/suite.h"

/* A write costs milliseconds and wears flash; a power failure costs the tests since the last one.
 */
#define RECORD_EVERY_US 2000000u
/* Kept free for the last words of a boot. */
#define ROOM_FOR_THE_END 512u

/* For the panic, which has no other way to it. */
static struct suite *watched;

static bool has_room(const struct journal_record *r)
{
    struct runtime_room room;

    /* Firmware that cannot tell says so when a write does not fit. After ExitBootServices deleted
     * variables still take room: only the next boot can tidy up. */
    return runtime_variable_room(&room) != RUNTIME_SUCCESS ||
           room.left >= r->used + ROOM_FOR_THE_END;
}

static runtime_status store(struct unattended *a)
{
    char name[RUNTIME_NAME_MAX + 1];
    runtime_status status;

    journal_seal(&a->record, a->state.run, a->state.boot, a->sequence);
    fmt_snprintf(name, sizeof(name), UNATTENDED_LOG_VARIABLE, a->sequence);
    status = runtime_variable_set(name, a->record.bytes, a->record.used);
    if (status == RUNTIME_SUCCESS) {
        a->sequence++;
        a->recorded += a->results;
        a->results = 0;
        journal_begin(&a->record, a->record_memory, a->capacity);
    }
    a->recorded_us = time_us();
    return status;
}

/* The next boot moves the records to the volume; results of the open record are lost, and their
 * tests run again. */
static void restart_for_room(struct unattended *a)
{
    journal_begin(&a->record, a->record_memory, a->capacity);
    (void)journal_add(&a->record, &(struct journal_entry){.kind = JOURNAL_FULL});
    if (store(a) == RUNTIME_SUCCESS) {
        report_comment("alone: the variable store is full: restarting to empty it");
        power_restart();
    }
}

static void give_up(struct unattended *a, runtime_status status)
{
    a->silent = true;
    report_comment("alone: a record cannot be stored (status 0x%llx): from here on results are on "
                   "the console alone",
                   (unsigned long long)status);
}

static void store_or_restart(struct unattended *a)
{
    runtime_status status = RUNTIME_OUT_OF_RESOURCES;

    if (a->silent || a->record.entries == 0)
        return;
    if (has_room(&a->record)) {
        status = store(a);
        if (status == RUNTIME_SUCCESS)
            return;
    }
    /* Only where this boot got somewhere: otherwise the next one would end here as well. */
    if (status == RUNTIME_OUT_OF_RESOURCES && a->recorded > 0)
        restart_for_room(a);
    give_up(a, status);
}

static bool add(struct unattended *a, const struct journal_entry *e)
{
    if (journal_add(&a->record, e))
        return true;
    store_or_restart(a);
    return journal_add(&a->record, e);
}

/* With less and less text, until it fits. */
static void add_result(struct unattended *a, struct journal_entry e, const char *message)
{
    if (add(a, &e))
        return;
    e.flags = JOURNAL_CUT | (e.flags & JOURNAL_DMA);
    e.text = message;
    e.text_length = strlen(message);
    if (!journal_add(&a->record, &e)) {
        e.text_length = 0;
        (void)journal_add(&a->record, &e);
    }
}

static struct journal_entry entry_of(const struct suite *s)
{
    static const enum journal_kind kinds[] = {[VERDICT_PASS] = JOURNAL_PASS,
                                              [VERDICT_FAIL] = JOURNAL_FAIL,
                                              [VERDICT_ERROR] = JOURNAL_ERROR,
                                              [VERDICT_SKIP] = JOURNAL_SKIP};
    const struct test_run *t = &s->run;
    uint64_t us = t->duration_us;

    return (struct journal_entry){.kind = kinds[t->verdict],
                                  .flags = t->moved ? JOURNAL_DMA : 0,
                                  .index = (uint32_t)s->position,
                                  .duration_us = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us};
}

static bool careful(const struct suite *s)
{
    return s->options.checkpoint == 1 || s->position < s->unattended.state.careful;
}

static void add_facts(struct unattended *a, char *text)
{
    for (char *next; text && *text; text = next) {
        next = strchr(text, '\n');
        if (next)
            *next++ = '\0';
        if (text[0] == '#' && text[1] == ' ') {
            (void)add(a, &(struct journal_entry){.kind = JOURNAL_FACT,
                                                 .text = text + 2,
                                                 .text_length = strlen(text + 2)});
        }
    }
}

/* Last output of panic(). The journal blames the test that was running or was next. */
static void witness(const char *text, const uint64_t *addresses, size_t count)
{
    struct suite *s = watched;
    struct unattended *a = &s->unattended;
    struct test_run *t = &s->run;

    if (a->silent)
        return;
    if (s->running && s->position < s->counts.planned) {
        const char *was = s->in_test ? "" : "was next when the suite ended: ";

        if (!s->in_test)
            suite_clear_run(s);
        report_copy_begin(a->copy, a->copy_size);
        report_frames(addresses, count);
        t->verdict = VERDICT_ERROR;
        t->where_file = NULL;
        fmt_snprintf(t->message, sizeof(t->message), "%spanic: %s", was, text);
        report_test(t, s->options.verbose);
        unattended_reported(s);
    }
    (void)add(a, &(struct journal_entry){
                     .kind = JOURNAL_DOWN, .text = text, .text_length = strlen(text)});
    (void)store(a);
}

void unattended_start(struct suite *s)
{
    struct unattended *a = &s->unattended;

    if (a->note[0])
        report_comment("alone: %s", a->note);
    if (!a->on)
        return;
    watched = s;
    power_off_restarts(true);
    panic_set_witness(witness);
    report_comment("alone: generation=%u boot=%u restarts=%u first=%u", a->state.generation,
                   a->state.boot, a->state.restarts, (unsigned)s->position + 1);
    report_resume((unsigned)s->position);
    report_copy_begin(a->copy, a->copy_size);
}

void unattended_before_tests(struct suite *s)
{
    struct unattended *a = &s->unattended;

    if (!a->on)
        return;
    (void)report_copy_end();
    if (a->want_facts)
        add_facts(a, a->copy);
    a->recorded_us = time_us();
}

void unattended_before(struct suite *s)
{
    struct unattended *a = &s->unattended;

    if (a->on && careful(s)) {
        (void)add(a,
                  &(struct journal_entry){.kind = JOURNAL_BEGIN, .index = (uint32_t)s->position});
        store_or_restart(a);
    }
}

void unattended_after(struct suite *s)
{
    if (s->unattended.on)
        report_copy_begin(s->unattended.copy, s->unattended.copy_size);
}

void unattended_reported(struct suite *s)
{
    struct unattended *a = &s->unattended;
    const struct test_run *t = &s->run;
    struct journal_entry e = entry_of(s);

    if (!a->on)
        return;
    e.text = a->copy;
    e.text_length = report_copy_end();
    if (t->verdict == VERDICT_SKIP && !t->observation[0]) {
        e.text = t->message;
        e.text_length = strlen(t->message);
    } else if (t->verdict == VERDICT_PASS && !t->observation[0]) {
        e.text_length = 0;
    } else {
        e.flags |= JOURNAL_RAW;
    }
    if (a->silent)
        return;
    add_result(a, e, t->message);
    a->results++;
    if (a->results >= s->options.checkpoint || time_us() - a->recorded_us >= RECORD_EVERY_US)
        store_or_restart(a);
}

static void finish(struct suite *s, enum journal_kind end, const char *text)
{
    struct unattended *a = &s->unattended;

    if (!a->on)
        return;
    (void)add(a, &(struct journal_entry){.kind = end, .text = text, .text_length = strlen(text)});
    store_or_restart(a);
    /* The next boot would not find records that could not be stored. */
    power_off_restarts(!a->silent);
}

void unattended_end(struct suite *s)
{
    finish(s, JOURNAL_END, "");
}

void unattended_stop(struct suite *s, const char *reason)
{
    finish(s, JOURNAL_STOP, reason);
}
