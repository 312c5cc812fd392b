/* SPDX-License-Identifier: MIT */
/*
 * An unattended run (docs/unattended.md). While it runs, results go into UEFI variables; the next
 * boot moves them to the boot volume before ExitBootServices, and the run continues after the last
 * of them.
 */
#ifndef PVT_TESTS_HARNESS_UNATTENDED_H
#define PVT_TESTS_HARNESS_UNATTENDED_H

#include "tests/harness/journal.h"

struct suite;
struct volume;

#define UNATTENDED_STATE_VARIABLE "PvtestRun"
#define UNATTENDED_LOG_VARIABLE   "PvtestLog%u"

struct unattended {
    bool on;
    bool want_facts; /* the journal has no description of the machine yet */
    bool
        silent; /* the store takes no more records: the rest of this boot is on the console alone */
    struct journal_state state;
    struct journal_record record;
    void *record_memory;
    size_t capacity;
    unsigned sequence;          /* of the next record */
    unsigned results, recorded; /* of this boot: in the open record, and stored */
    uint64_t recorded_us;       /* when the last record was stored */
    char *copy;                 /* what the stream says about one test */
    size_t copy_size;
    char note[160]; /* what was found at the start; empty = nothing worth saying */
};

/* With boot services. Takes what the last boot left, and decides whether and where to go on. False
 * when the run is over: its results are on the volume. */
bool unattended_prepare(struct suite *s, struct volume *volume);

/* After ExitBootServices. None of them does anything in an ordinary run. */
void unattended_start(struct suite *s);        /* the stream begins */
void unattended_before_tests(struct suite *s); /* all that describes the machine has been said */
void unattended_before(struct suite *s);       /* the test at s->position begins */
void unattended_after(struct suite *s); /* it has its verdict, which has not been reported yet */
void unattended_reported(struct suite *s);
void unattended_end(struct suite *s); /* all tests ran */
/* No test can run, and another boot would change nothing. */
void unattended_stop(struct suite *s, const char *reason);

#endif
