/* SPDX-License-Identifier: MIT */
#include "tests/harness/journal_fold.h"

#include "lib/string.h"

#define WENT_DOWN "the machine went down while this test ran: crash, hang, reset or loss of power"
#define WAS_LOST  "the record of its result is damaged or missing"

struct fold {
    const struct journal_events *events;
    struct journal_outcome *out;
    struct journal_boot boot; /* under way */
    bool has_begun;           /* the boot announced a test and no result of it came */
    uint32_t begun, planned;
    enum journal_kind last; /* entry of this boot */
};

static void emit(struct fold *f, const struct journal_entry *e)
{
    if (f->events && f->events->result)
        f->events->result(f->events->context, e);
    f->out->next = e->index + 1;
}

static void emit_error(struct fold *f, uint32_t index, const char *text)
{
    emit(f, &(struct journal_entry){
                .kind = JOURNAL_ERROR, .index = index, .text = text, .text_length = strlen(text)});
}

/* The boot is over: who was running, if nothing else explains its end? */
static void close_boot(struct fold *f)
{
    if (f->boot.end == JOURNAL_UNEXPLAINED && f->has_begun && f->begun == f->out->next) {
        f->boot.has_guilty = true;
        f->boot.guilty = f->begun;
        emit_error(f, f->begun, WENT_DOWN);
    }
    f->boot.next = f->out->next;
    f->out->last = f->boot;
    if (f->events && f->events->boot)
        f->events->boot(f->events->context, &f->boot);
    f->has_begun = false;
    f->last = JOURNAL_UNEXPLAINED;
}

/* Boots before `number` are over, those that recorded nothing too. */
static void close_boots(struct fold *f, unsigned number)
{
    for (; f->boot.number < number; f->boot = (struct journal_boot){.number = f->boot.number + 1})
        close_boot(f);
}

static void take_result(struct fold *f, const struct journal_entry *e)
{
    /* Tests after the last record of a boot run again: only their first result counts. */
    if (e->index < f->out->next || e->index >= f->planned)
        return;
    while (f->out->next < e->index)
        emit_error(f, f->out->next, WAS_LOST);
    emit(f, e);
    f->has_begun = false;
}

static void take(struct fold *f, const struct journal_entry *e)
{
    switch (e->kind) {
    case JOURNAL_PASS:
    case JOURNAL_SKIP:
    case JOURNAL_FAIL:
    case JOURNAL_ERROR:
        take_result(f, e);
        return;
    case JOURNAL_BEGIN:
        f->has_begun = true;
        f->begun = e->index;
        return;
    case JOURNAL_FACT:
        f->out->has_facts = true;
        if (f->events && f->events->fact)
            f->events->fact(f->events->context, e->text, e->text_length);
        return;
    case JOURNAL_DOWN:
        /* A panic comes right after the result of the test that it ended, if it was in a test. */
        if (f->last == JOURNAL_ERROR) {
            f->boot.has_guilty = true;
            f->boot.guilty = f->out->next - 1;
        }
        break;
    default:
        break;
    }
    f->boot.end = e->kind;
    f->boot.text = e->text;
    f->boot.text_length = e->text_length;
}

static void take_record(struct fold *f, const uint8_t *record)
{
    struct journal_cursor cursor;
    struct journal_entry e;

    journal_entries(&cursor, record);
    while (journal_next(&cursor, &e)) {
        take(f, &e);
        f->last = e.kind;
    }
}

void journal_fold(const void *journal, size_t size, uint64_t run, unsigned boots, uint32_t planned,
                  const struct journal_events *events, struct journal_outcome *outcome)
{
    struct fold f = {.events = events, .out = outcome, .boot = {.number = 1}, .planned = planned};
    const uint8_t *at = journal;
    struct journal_header header;

    *outcome = (struct journal_outcome){0};
    for (size_t length;
         (length = journal_check(at + outcome->used, size - outcome->used, &header)) != 0;) {
        if (header.run != run || header.boot < f.boot.number)
            break;
        close_boots(&f, header.boot);
        take_record(&f, at + outcome->used);
        outcome->used += length;
        outcome->boot = header.boot;
        outcome->sequence = header.sequence;
    }
    close_boots(&f, boots + 1);
}
