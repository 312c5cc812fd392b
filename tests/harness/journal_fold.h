/* SPDX-License-Identifier: MIT */
/* From the journal of a run to one result per planned test, whatever happened in between. */
#ifndef PVT_TESTS_HARNESS_JOURNAL_FOLD_H
#define PVT_TESTS_HARNESS_JOURNAL_FOLD_H

#include "tests/harness/journal.h"

struct journal_boot {
    unsigned number;
    enum journal_kind end; /* END, FULL, DOWN, STOP or UNEXPLAINED */
    uint32_t next;         /* first test of the next boot */
    bool has_guilty;       /* the test that took the machine down is known */
    uint32_t guilty;
    const char *text; /* of DOWN and STOP */
    size_t text_length;
};

/* Any of them may be NULL. Results come in the order of the plan, each place once. */
struct journal_events {
    void *context;
    void (*fact)(void *context, const char *text, size_t length);
    void (*result)(void *context, const struct journal_entry *e);
    void (*boot)(void *context, const struct journal_boot *boot);
};

struct journal_outcome {
    uint32_t next;            /* first place of the plan without a result */
    struct journal_boot last; /* number 0 = no boot is over yet */
    bool has_facts;
    size_t used;             /* bytes of the journal that are whole records of this run */
    unsigned boot, sequence; /* of the last record; boot 0 = there is none */
};

/* `boots`: how many boots are over. Events may be NULL. */
void journal_fold(const void *journal, size_t size, uint64_t run, unsigned boots, uint32_t planned,
                  const struct journal_events *events, struct journal_outcome *outcome);

#endif
