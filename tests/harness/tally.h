/* SPDX-License-Identifier: MIT */
/* How often a host gave which status, for observations over many calls. */
#ifndef PVT_TESTS_HARNESS_TALLY_H
#define PVT_TESTS_HARNESS_TALLY_H

#include "abi/status.h"
#include "tests/harness/test.h"

#define TALLY_STATUSES 12

/* Starts as all zero. */
struct tally {
    struct {
        enum hv_status status;
        unsigned count;
    } seen[TALLY_STATUSES];
    unsigned used;
    unsigned others; /* calls with a status for which there was no room */
};

void tally_add(struct tally *tally, enum hv_status status);
unsigned tally_count(const struct tally *tally, enum hv_status status);
/* Adds "what: INVALID_PARAMETER x3, SUCCESS" to the observation of the test. */
void observe_tally(struct test_run *t, const char *what, const struct tally *tally);
/* Adds "what: STATUS". */
void observe_status(struct test_run *t, const char *what, enum hv_status status);

#endif
