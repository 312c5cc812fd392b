/* SPDX-License-Identifier: MIT */
/* Leaves out of a sequence of operations what a failure does not need. Freestanding, for the unit
 * tests. */
#ifndef PVT_TESTS_HARNESS_SHRINK_H
#define PVT_TESTS_HARNESS_SHRINK_H

#include "tests/harness/operations.h"

struct shrink {
    /* How many of these it takes, from the first on, until it shows; 0: it does not. */
    unsigned (*shows)(void *context, const struct operation *list, unsigned count);
    void *context;
    struct operation *trial; /* room for as many as there are at first */
    unsigned most;           /* calls of shows() */
    unsigned tried;          /* so far */
};

/* From `list` of `count`, with which it shows, to a shorter one with which it does: no single one
 * of them can be left out, unless `most` calls were not enough. Returns its length. */
unsigned shrink(struct shrink *s, struct operation *list, unsigned count);

#endif
